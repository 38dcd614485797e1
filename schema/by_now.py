"""What all migrations together make of an empty store: the CREATEs, with what the ALTERs after them change."""

import re
from collections.abc import Iterable

_ON_CLUSTER = r"(?: ON CLUSTER '[^']*')?"
_VALUE = r"(?:\d+|'[^']*')"
_FILL = re.compile(rf"TRUNCATE TABLE |INSERT INTO |ALTER TABLE \S+{_ON_CLUSTER} MATERIALIZE INDEX ")
_CHANGES = re.compile(r",?\n    (?=(?:MODIFY|ADD|DROP) (?:COLUMN|INDEX) )")
_ALTERED = re.compile(
    rf"ALTER TABLE (?P<table>\S+){_ON_CLUSTER} (?:MODIFY SETTING (?P<settings>.*)"
    r"|MODIFY QUERY\s+(?P<query>.*)"
    r"|DROP INDEX IF EXISTS (?P<dropped>\w+)"
    r"|ADD INDEX IF NOT EXISTS (?P<index>.*)"
    r"|(?:ADD COLUMN IF NOT EXISTS|MODIFY COLUMN) (?P<column>(?P<name>\w+) .*))",
    re.DOTALL,
)


def each(statement: str) -> list[str]:
    """An ALTER of several changes as one of each; anything else as it is."""
    head, *changes = _CHANGES.split(statement)
    return [f"{head} {change}" for change in changes] or [statement]


def _fills(statement: str) -> bool:
    """Whether it changes no definition, but only what is in a table."""
    return _FILL.match(statement) is not None


def name_of(made: str) -> str:
    """As it is written in a CREATE: on a cluster with its database."""
    return re.split(r" (?:TABLE|VIEW) ", made, maxsplit=1)[1].split()[0]


def by_now(its: Iterable[str]) -> list[str]:
    """The CREATEs of these statements, with what the ALTERs among them change. Raises ValueError for another kind."""
    made: dict[str, str] = {}
    for statement in (one for several in its for one in each(several)):
        if statement.startswith("CREATE "):
            made[name_of(statement)] = statement
        elif found := _ALTERED.fullmatch(statement):
            made[found["table"]] = _altered(made[found["table"]], found)
        elif _fills(statement):
            continue  # what is in the tables is there
        else:
            raise ValueError(f"what does this make of the tables: {statement[:80]}")
    return list(made.values())


def _with_settings(made: str, settings: Iterable[tuple[str, str]]) -> str:
    """Every table has SETTINGS, as the last of its clauses."""
    for name, value in settings:
        made, was_there = re.subn(rf"\b{name} = {_VALUE}", f"{name} = {value}", made)
        made = made if was_there else f"{made}, {name} = {value}"
    return made


def _altered(made: str, found: re.Match[str]) -> str:
    if found["settings"]:
        return _with_settings(made, re.findall(rf"(\w+) = ({_VALUE})", found["settings"]))
    if found["query"]:
        head, of_a_view, _ = made.partition(" AS\n")
        return f"{head}{of_a_view}{found['query']}"
    if found["dropped"]:
        return re.sub(rf",\n    INDEX {found['dropped']} .*?(?=,?$)", "", made, count=1, flags=re.MULTILINE)
    if found["index"]:
        return re.sub(r"(?=\n\)\nENGINE)", lambda _: f",\n    INDEX {found['index']}", made, count=1)
    if "ENGINE = Distributed" in made:
        return made  # it takes its columns from the table of each shard
    line = f"    {found['column']}"
    now, was_there = re.subn(rf"^    {found['name']} .*?(?=,?$)", lambda _: line, made, count=1, flags=re.MULTILINE)
    return now if was_there else re.sub(r"(?=,\n    INDEX |\n\)\nENGINE)", lambda _: f",\n{line}", made, count=1)
