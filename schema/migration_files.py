"""The migrations: numbered `.sql` files, and their statements as a store takes them."""

from collections.abc import Callable
from importlib import resources
from typing import NamedTuple


def migrations() -> list[tuple[int, str, str]]:
    """Number, name and text of each file, in order."""
    files = [file for file in (resources.files("schema") / "migrations").iterdir() if file.name.endswith(".sql")]
    return sorted((int(file.name.split("_")[0]), file.name, file.read_text()) for file in files)


def statements(text: str) -> list[str]:
    """The statements of one file; `;` ends a line, and comments stand on lines of their own."""
    code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return [part.strip() for part in f"{code}\n".split(";\n") if part.strip()]


Form = Callable[[str], list[str]]
"""A statement of the files → what makes the same in this store."""


def as_it_is(statement: str) -> list[str]:
    return [statement]


_RECORD = """CREATE TABLE migrations
(
    number UInt32,
    name String,
    applied DateTime('UTC') DEFAULT now()
)
ENGINE = MergeTree
ORDER BY number"""


class Migration(NamedTuple):
    """0 is the table of migrations itself."""

    number: int
    name: str
    statements: list[str]


def formed(retention_days: int, form: Form = as_it_is) -> list[Migration]:
    """Every migration as it is run."""
    files = [(0, "", [_RECORD]), *((number, name, statements(text)) for number, name, text in migrations())]
    return [
        Migration(number, name, [made for given in its for made in form(_with_days(given, retention_days))])
        for number, name, its in files
    ]


# `violations` goes by whole weeks; what stands beside a violation stays as long as the last row of its week.
_WEEK_OF_GRACE = 8


def _with_days(statement: str, retention_days: int) -> str:
    companion = str(retention_days + _WEEK_OF_GRACE)
    return statement.replace("{retention_days}", str(retention_days)).replace("{companion_days}", companion)
