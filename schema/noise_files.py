"""The files noise rules stand in: the program's own, a person's, and what a site adds to them."""

import tomllib
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from schema import noise_checks
from schema.noise import BadRules, Rule, Rules


@cache
def packaged() -> Rules:
    """The rules that come with the program."""
    return parsed((resources.files("schema") / "noise.toml").read_text(), "schema/noise.toml")


def load_rules(path: Path | None) -> Rules | None:
    """Of a file; None without one: then those of the program are meant. Raises BadRules."""
    if path is None:
        return None
    try:
        return parsed(path.read_text(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise BadRules(f"the noise rules {path} can't be read: {getattr(error, 'strerror', None) or error}") from error


def parsed(text: str, name: str) -> Rules:
    """`name` is what the sentence of BadRules calls the text."""
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRules(f"the noise rules {name} are no TOML: {error}") from error
    if unknown := sorted(found.keys() - {"version", "rule"}):
        raise BadRules(f"{name}: {unknown[0]} is no key; a rules file holds version and [[rule]] tables")
    its = noise_checks.rules(found.get("rule"), name, "[[rule]]")
    if not its:
        raise BadRules(f"{name} holds no [[rule]]")
    return Rules(noise_checks.version(found.get("version"), name), its)


def version_of(rules: Rules, own: Sequence[Rule] = (), without: Sequence[str] = ()) -> str:
    """What is stored: the file's version, and a digest of whatever a person added or changed."""
    changed: list[Any] = [own, sorted(without)] if own or without else []
    if rules is not packaged() and rules != packaged():
        changed.append(rules)
    if not changed:
        return rules.version
    digest = blake2b(msgspec.json.encode(changed, order="deterministic"), digest_size=4).hexdigest()
    return f"{rules.version}+{digest}"
