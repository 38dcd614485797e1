"""Addresses of the console: the state of a page is its query string, and nothing else."""

import time
from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode

from dashboards import filters
from dashboards.times import window_at, written

VIOLATIONS = "/violations"
ANY = {"noise": "all", "verdict": "all"}
_OF_GROUP = ("site", "document_template", "blocked_template", "blocked_kind", "disposition")
_PLACE = ("cursor", "live")  # where on a page one is: no part of what it shows


class Links:
    """The state of the page at `path`, and the addresses that change it.

    `since`: its period where none was chosen; `unsaid`: the choices that are the page's own where none is made.
    """

    def __init__(
        self, path: str, given: Mapping[str, str], since: Mapping[str, str] | None = None,
        unsaid: Mapping[str, str] = ANY,
    ) -> None:  # fmt: skip
        self.path = path
        self._since = dict(since or {})
        self.given = {name: value for name, value in given.items() if not _is_unsaid(name, value, unsaid)}
        self.filters = {name: value for name, value in self.given.items() if name in filters.NAMES}

    def here(self, **changed: str | None) -> str:
        """The page with other state, from its beginning; None takes a parameter out."""
        return self.path + _query({**self.given, **dict.fromkeys(_PLACE), **changed})

    def next(self, cursor: str) -> str:
        return self.here(cursor=cursor)

    def alive(self, *, live: bool) -> str:
        """The same place, that reloads itself or doesn't."""
        return self.path + _query({**self.given, "live": "1" if live else None})

    def fresh(self) -> str:
        """Where to ask how many reports came or were refused lately, of those that the filters choose."""
        lately = {"from": written(window_at(time.time())), "to": None}
        return "/api/totals" + _query({**self.filters, **lately})

    def spans(self, times: Iterable[tuple[int, int]]) -> list[str]:
        """The page from each start to each end (s)."""
        return [self.here(**{"from": written(start), "to": written(end)}) for start, end in times]

    def violations(self, **changed: str | None) -> str:
        """The list of violations under these filters, and those changed."""
        return VIOLATIONS + _query({**self.filters, **changed})

    def group(self, group: Mapping[str, str]) -> str:
        """The members of one group."""
        its = {"directive": group["effective_directive"]} | {name: group[name] for name in _OF_GROUP}
        return self.violations(**its)

    def violation(self, fingerprint: str) -> str:
        """With the same filters, so that the way back leads to the same page."""
        return self.elsewhere(fingerprint) + _query(self.filters)

    def elsewhere(self, fingerprint: str) -> str:
        """One that these filters may leave out."""
        return f"{VIOLATIONS}/{quote(fingerprint, safe='')}"

    def export(self, form: str) -> str:
        return "/api/export" + _query({**self.filters, **self._since, "format": form})

    def api(self, path: str) -> str:
        return f"/api/{path}" + _query({**self.filters, **self._since})


def _query(merged: Mapping[str, str | None]) -> str:
    left = {name: value for name, value in merged.items() if value is not None}
    return f"?{urlencode(left)}" if left else ""


def _is_unsaid(name: str, value: str, unsaid: Mapping[str, str]) -> bool:
    """What a form sends for a choice that was not made."""
    return unsaid.get(name) == value or (name in {"site", "q"} and not value.strip())
