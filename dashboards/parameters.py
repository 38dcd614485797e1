"""What the parameters of the read API may be: one table, by which they are read and described."""

from collections.abc import Collection
from typing import Any, NamedTuple

from dashboards.query_string import LONGEST, Parameters

Schema = dict[str, Any]  # JSON Schema 2020-12


class Text(NamedTuple):
    """`pattern` is of ECMAScript, as JSON Schema has them; who reads the value holds to it."""

    name: str
    meaning: str
    pattern: str = ""
    format: str = ""

    def read(self, given: Parameters) -> str | None:
        return given.text(self.name)

    @property
    def schema(self) -> Schema:
        more = {name: value for name, value in (("pattern", self.pattern), ("format", self.format)) if value}
        return {"type": "string", "maxLength": LONGEST} | more


class Choice(NamedTuple):
    name: str
    allowed: Collection[str]
    meaning: str

    def read(self, given: Parameters) -> str | None:
        """Raises BadParameter."""
        return given.one_of(self.name, self.allowed)

    @property
    def schema(self) -> Schema:
        return {"type": "string", "enum": list(self.allowed)}


class Whole(NamedTuple):
    """A default below `least` stands for what the answer chooses."""

    name: str
    least: int
    most: int
    default: int
    meaning: str

    def read(self, given: Parameters) -> int:
        """Raises BadParameter."""
        found = given.whole(self.name, self.least, self.most)
        return self.default if found is None else found

    @property
    def schema(self) -> Schema:
        bounds = {"type": "integer", "minimum": self.least, "maximum": self.most}
        return bounds | {"default": self.default} if self.default >= self.least else bounds


Parameter = Text | Choice | Whole
CURSOR = Text("cursor", "`next` of an earlier answer: the page behind it.", "^[A-Za-z0-9_-]+$")


def limit(default: int, most: int) -> Whole:
    return Whole("limit", 1, most, default, "Most items of the answer.")
