"""What is wrong with a noise rule, said so that its author can mend it."""

import difflib
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

import msgspec

from schema.names import BLOCKED_KINDS, DIRECTIVES, NOISE
from schema.noise import PLACES, BadRules, Rule

_LISTS = ("scheme", "host", "path", "places", "directives", "blocked_kinds", "browser", "os")
# The others need one of these beside them.
_CONDITIONS = (
    "scheme", "host", "local_document", "directives", "unknown_directive", "blocked_kinds", "sample", "browser", "os",
)  # fmt: skip
ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.-]{0,31}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,62}")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[0-9a-f]*:[0-9a-f:.]+")
_LONGEST_SAMPLE = 300
_MOST_WAYS = 2500  # in which repeats of an expression can be shared out, at each place of a sample


def rules(tables: Any, name: str, heading: str) -> tuple[Rule, ...]:
    """Of an array of tables. Raises BadRules."""
    if tables is None:
        return ()
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadRules(f"{name}: rules are written as {heading} tables")
    found: dict[str, Rule] = {}
    for number, table in enumerate(tables, start=1):
        its = table.get("id")
        where = f"{name}: {heading} {its if isinstance(its, str) else f'number {number}'}"
        rule = _rule(table, where)
        if rule.id in found:
            raise BadRules(f"{where}: there are two rules of this id; each needs its own")
        found[rule.id] = rule
    return tuple(found.values())


def version(text: Any, name: str) -> str:
    if not isinstance(text, str) or not _VERSION.fullmatch(text):
        raise BadRules(f'{name}: version is a short text of letters, digits, dots and hyphens, as "2026-11-25"')
    return text


def _rule(table: dict[str, Any], where: str) -> Rule:
    for key in table:
        if key not in Rule.__struct_fields__:
            raise BadRules(f"{where}: {key} is no key of a rule{_meant(key, Rule.__struct_fields__)}")
    listed = {key: [value] if key in _LISTS and isinstance(value, str) else value for key, value in table.items()}
    try:
        rule = msgspec.convert(listed, Rule)
    except msgspec.ValidationError as error:
        raise BadRules(f"{where}: {error}") from error
    for problem in _problems(rule):
        raise BadRules(f"{where}: {problem}")
    return rule


def _problems(rule: Rule) -> Iterable[str]:
    if not ID.fullmatch(rule.id):
        yield "id is lower-case letters, digits and hyphens, at most 64"
    if rule.category not in NOISE:
        yield f"category is one of {', '.join(NOISE)}, not {rule.category!r}"
    if not 0 < len(rule.reason.strip()) <= 500:
        yield "reason is a sentence that says why this is noise"
    if not any(getattr(rule, name) for name in _CONDITIONS):
        yield f"it has no condition; give it at least one of {', '.join(_CONDITIONS)}"
    yield from _of_url(rule)
    yield from _each(rule.directives, "directives", DIRECTIVES)
    yield from _each(rule.blocked_kinds, "blocked_kinds", BLOCKED_KINDS)
    if (rule.since or rule.below) and not rule.browser:
        yield "since and below are versions of a browser, so browser must be there, too"
    if rule.since < 0 or rule.below < 0 or (rule.below and rule.since >= rule.below):
        yield "since is the first version and below the one after the last, so since is less than below"
    if problem := _of_sample(rule.sample):
        yield f"sample {problem}"


def _of_url(rule: Rule) -> Iterable[str]:
    yield from _shaped(rule.scheme, "scheme", _SCHEME.fullmatch, "a scheme is written without :// and in lower case")
    yield from _shaped(rule.host, "host", _HOST.fullmatch, "a host is a name in lower case, without scheme, port and *")
    yield from _shaped(rule.path, "path", lambda path: path.startswith("/"), "a path begins with /")
    yield from _each(rule.places, "places", PLACES)
    if (rule.places or rule.path) and not (rule.scheme or rule.host):
        yield "places and path go with scheme or host"


def _shaped(values: tuple[str, ...], key: str, is_right: Callable[[str], object], says: str) -> Iterable[str]:
    return (f"{key} has {value!r}; {says}" for value in values if not is_right(value))


def _each(values: tuple[str, ...], key: str, known: Collection[str]) -> Iterable[str]:
    for value in values:
        if value not in known:
            yield f"{key} has {value!r}{_meant(value, known) or '; it may have ' + ', '.join(sorted(known))}"


def _meant(word: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(word, known, 1)
    return f"; {close[0]} is meant?" if close else ""


_ESCAPED = re.compile(r"\\[^1-9]", re.DOTALL)
_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")
_GROUP = re.compile(r"\([^()]*\)")
_REPEAT = re.compile(r"\{(\d*)(,?)(\d*)\}")


def _of_sample(text: str) -> str:
    """Empty where it is right. Samples are hostile: an expression may only repeat one character, and not for ever."""
    if len(text) > _LONGEST_SAMPLE:
        return f"is longer than {_LONGEST_SAMPLE} characters"
    try:
        re.compile(text)
    except re.error as error:
        return f"is no regular expression: {error}"
    bare = _CLASS.sub("x", _ESCAPED.sub("x", text))
    if re.search(r"\\[1-9]|\(\?(?!:)", bare):
        return "has a back reference, a flag, a name or a look-around; plain groups (?:…) and alternatives will do"
    if re.search(r"[*+]|\)\{|\{\d+,\}", bare):
        return "repeats without end, or repeats a group; write x{0,40} instead of x*, and no )*"
    return f"can be matched in over {_MOST_WAYS} ways; repeat less" if _ways(bare) > _MOST_WAYS else ""


def _ways(bare: str) -> int:
    """An upper bound of how often one place of a sample is tried."""
    ways = 1
    bare = bare.replace("(?:", "(")
    for least, comma, most in _REPEAT.findall(bare):  # inside groups, too
        ways *= int(most or 0) - int(least or 0) + 1 if comma else 1
    ways <<= min(bare.count("?"), 64)
    while group := _GROUP.search(bare):
        ways *= group[0].count("|") + 1
        bare = bare[: group.start()] + "x" + bare[group.end() :]
    return ways
