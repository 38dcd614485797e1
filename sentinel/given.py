"""What somebody set, and where: in the settings file, the environment, or flags."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sentinel import readers
from sentinel.names import FILE, Misspelt, field_of
from sentinel.settings_file import WrongFile, read_file


class WrongSetting(Exception):
    """One sentence: the setting, its value with secrets masked, and what would be right."""


class Given(NamedTuple):
    field: str
    shown: str  # as the person wrote the name
    text: str
    source: str


def given_by(
    environ: Mapping[str, str], file: Path | None, flags: Mapping[str, Any], fields: Collection[str]
) -> Iterator[Given]:
    """Of these fields: what wins comes later. Raises WrongSetting where a name is none of them."""
    yield from _from_file(file, fields)
    yield from _from_environment(environ, fields)
    yield from _from_flags(flags, fields)


def _from_file(path: Path | None, fields: Collection[str]) -> Iterator[Given]:
    if path is None:
        return
    try:
        found = read_file(path)
    except WrongFile as error:
        raise WrongSetting(f"the settings file {readers.masked(str(path))} {error}") from error
    source = f"file {path}"
    seen: dict[str, str] = {}
    for name, text in found.items():
        field = _field(name, text, source, fields, bare=path.suffix.lower() == ".toml")
        if field is None:
            continue
        if field in seen:
            raise WrongSetting(f"the settings file {path} gives {seen[field]} and {name}, which are the same: keep one")
        seen[field] = name
        yield Given(field, name, text, source)


def _from_environment(environ: Mapping[str, str], fields: Collection[str]) -> Iterator[Given]:
    for name, text in environ.items():
        if name != FILE and (field := _field(name, text, "environment", fields)) is not None:
            yield Given(field, name, text, "environment")


def _from_flags(flags: Mapping[str, Any], fields: Collection[str]) -> Iterator[Given]:
    for field, value in flags.items():
        if field in fields and value is not None:
            text = ",".join(value) if isinstance(value, list | tuple) else str(value)
            yield Given(field, f"--{field.replace('_', '-')}", text, "flag")


def _field(name: str, text: str, source: str, fields: Collection[str], *, bare: bool = False) -> str | None:
    try:
        return field_of(name, text, fields, bare=bare)
    except Misspelt as error:
        raise WrongSetting(f"{error.shown} ({source}): {error}") from error
