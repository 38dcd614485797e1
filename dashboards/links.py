"""Addresses of the console: the state of a page is its query string, and nothing else."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

OVERVIEW = "/"
_OF_GROUP = ("site", "document_template", "blocked_template", "blocked_kind", "disposition")


class Links:
    """The filters of one page, and the addresses that change them. `since` is its period where none was chosen."""

    def __init__(self, given: Mapping[str, str], since: Mapping[str, str] | None = None) -> None:
        self._since = dict(since or {})
        self.given = {name: value for name, value in given.items() if not _means_any(name, value)}

    def here(self, **changed: str | None) -> str:
        """The overview with these filters changed; None takes one out."""
        return OVERVIEW + self._query(changed)

    def group(self, group: Mapping[str, str]) -> str:
        """The overview with the members of one group."""
        its = {"directive": group["effective_directive"]} | {name: group[name] for name in _OF_GROUP}
        return self.here(**its, sort=None)

    def violation(self, fingerprint: str) -> str:
        """With the same filters, so that the way back leads to the same page."""
        return f"/violations/{quote(fingerprint, safe='')}" + self._query({"sort": None})

    def export(self, form: str) -> str:
        return "/api/export" + self._query({**self._since, "sort": None, "format": form})

    def api(self, path: str) -> str:
        return f"/api/{path}" + self._query({**self._since, "sort": None})

    def _query(self, changed: Mapping[str, str | None]) -> str:
        merged = {name: value for name, value in {**self.given, **changed}.items() if value is not None}
        return f"?{urlencode(merged)}" if merged else ""


def _means_any(name: str, value: str) -> bool:
    """What a form sends for a choice that was not made."""
    return (name in {"site", "q"} and not value.strip()) or (name in {"noise", "verdict"} and value == "all")
