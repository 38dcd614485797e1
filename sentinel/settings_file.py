"""A settings file into names and texts: `.env`-style, or TOML where its name ends in .toml."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MOST_BYTES = 1 << 20  # more than any settings file, less than harm: somebody named the wrong file

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(.*)", re.ASCII | re.DOTALL)
_SINGLE = re.compile(r"'([^']*)'\s*(?:#.*)?")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_COMMENT = re.compile(r"(?:^|\s)#.*")


class WrongFile(Exception):
    """One sentence. It never quotes a line, because lines hold secrets."""


def read_file(path: Path) -> dict[str, str]:
    """Names as they stand in the file, in order. Raises WrongFile."""
    try:
        with path.open("rb") as opened:
            raw = opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise WrongFile(f"can't be read: {getattr(error, 'strerror', None) or error}") from error
    if len(raw) > MOST_BYTES:
        raise WrongFile("is larger than 1 MiB: is it the right file?")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WrongFile("isn't text in UTF-8") from error
    if "\0" in text:
        raise WrongFile("isn't text: it holds NUL bytes")
    return _toml(text) if path.suffix.lower() == ".toml" else _env(text)


def _env(text: str) -> dict[str, str]:
    found = {}
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        match = _LINE.fullmatch(bare)
        if match is None:
            raise WrongFile(f"line {number} should be NAME=value, or a comment behind #")
        found[match[1]] = _unquoted(match[2], number)  # the last one wins, as in a shell
    return found


def _unquoted(text: str, number: int) -> str:
    if text[:1] not in {"'", '"'}:
        return _COMMENT.sub("", text, count=1).strip()
    match = (_SINGLE if text[0] == "'" else _DOUBLE).fullmatch(text)
    if match is None:
        raise WrongFile(f"line {number} has a quote that isn't closed, or something behind the closing one")
    return match[1] if text[0] == "'" else re.sub(r"\\(.)", r"\1", match[1])


def _toml(text: str) -> dict[str, str]:
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError also for an integer of thousands of digits
        raise WrongFile(f"isn't TOML: {_position(error)}") from error
    return {name: _text(name, value) for name, value in found.items()}


def _position(error: BaseException) -> str:
    match = re.search(r"at line \d+, column \d+|at end of document", str(error))
    return f"something is wrong {match[0]}" if match else "a number or a nesting is far too long"


def _text(name: str, value: Any) -> str:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    kind = "table" if isinstance(value, Mapping) else type(value).__name__
    raise WrongFile(f"should give {name} as text, a number or a list of texts, not as a {kind}")
