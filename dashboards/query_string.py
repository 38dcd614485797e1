"""Reading a query string, strictly: known names, each once, UTF-8. The first thing that happens to a question."""

from collections.abc import Collection
from urllib.parse import parse_qsl

LONGEST = 4096  # characters of one value


class BadParameter(Exception):
    """One plain sentence that says what would be right."""


class Parameters:
    """The parameters given, by name. Raises BadParameter."""

    def __init__(self, query: bytes, known: Collection[str]) -> None:
        self.given: dict[str, str] = {}
        for name, value in _pairs(query):
            if name not in known:
                there = f"there are {', '.join(known)}" if known else "there are none"
                raise BadParameter(f"There is no parameter {_shown(name)} here; {there}.")
            if name in self.given:
                raise BadParameter(f"{name} is given more than once; give it once.")
            if len(value) > LONGEST:
                raise BadParameter(f"{name} is longer than {LONGEST} characters.")
            self.given[name] = value

    def text(self, name: str) -> str | None:
        return self.given.get(name)

    def one_of(self, name: str, allowed: Collection[str]) -> str | None:
        value = self.given.get(name)
        if value is not None and value not in allowed:
            choices = ", ".join(choice or "(empty)" for choice in allowed)
            raise BadParameter(f"{name} is one of {choices}, not {_shown(value)}.")
        return value

    def whole(self, name: str, least: int, most: int) -> int | None:
        """A whole number in these bounds."""
        value = self.given.get(name)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= 18 and least <= int(value) <= most):
            raise BadParameter(f"{name} is a whole number from {least} to {most}, not {_shown(value)}.")
        return int(value)


def _pairs(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query.decode(), keep_blank_values=True, errors="strict", max_num_fields=100)
    except UnicodeDecodeError as error:
        raise BadParameter("The parameters are not UTF-8.") from error
    except ValueError as error:
        raise BadParameter("There are more than 100 parameters.") from error


def _shown(value: str) -> str:
    """Enough of it to recognise."""
    return repr(value if len(value) <= 60 else value[:60] + "…")
