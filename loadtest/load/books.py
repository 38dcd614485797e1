"""What the pipeline says that it has: `/api/ledger` and `/api/totals` of one site, asked until all of it is in."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loadtest.load.account import Account

_ASK_SECONDS = 30.0
_PAUSE = 0.5
LONGEST_SECONDS = 900.0
# How long nothing may change before it is taken for the end, by what is known.
_COMPLETE, _EMPTY, _BEHIND = 2.0, 10.0, 30.0


class NoConsole(Exception):
    """One sentence: what went wrong, and what to do."""


@dataclass(frozen=True)
class Books:
    """`ledger`, `totals`: as the API gives them, without the ledger's items. `lag`: seconds, None where unknown."""

    ledger: dict[str, Any]
    totals: dict[str, Any]

    @property
    def lag(self) -> float | None:
        found: float | None = self.totals["lag_seconds"]
        return found

    @property
    def ignored(self) -> int:
        return sum(self.ledger["ignored"].values())

    @property
    def counted(self) -> int:
        """Reports of every type that it took, wherever it put them."""
        found: int = sum(self.ledger[name] for name in ("stored", "retried", "sampled", "foreign"))
        return found + self.ignored

    @property
    def rejected(self) -> int:
        return sum(self.ledger["rejected"].values())


class Console:
    """`token`: the console's, where it needs one."""

    def __init__(self, url: str, token: str = "") -> None:
        self._url = url.rstrip("/")
        self._token = token

    def books(self, site: str) -> Books:
        """Raises NoConsole."""
        query = urllib.parse.urlencode({"site": site})
        ledger = self._get(f"/api/ledger?{query}&limit=1")
        return Books({name: ledger[name] for name in ledger if name != "items"}, self._get(f"/api/totals?{query}"))

    def _get(self, path: str) -> dict[str, Any]:
        request = urllib.request.Request(self._url + path)  # noqa: S310  (an address that a person gave)
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with urllib.request.urlopen(request, timeout=_ASK_SECONDS) as answer:  # noqa: S310  (the console)
                found: dict[str, Any] = json.loads(answer.read())
        except urllib.error.HTTPError as error:
            error.close()
            hint = "; set SENTINEL_CONSOLE_TOKEN to its token" if error.code == 401 else ""
            raise NoConsole(f"{self._url}{path} answered {error.code}{hint}") from None
        except (OSError, ValueError) as error:
            raise NoConsole(f"no console answers at {self._url}: {error}") from None
        return found


def settled(
    console: Console,
    site: str,
    sent: Account,
    say: Callable[[str], None],
    pause: Callable[[float], None],
    hurried: Callable[[], bool],
) -> Books:
    """Once everything answered 204 is there and nothing more comes, or nothing has come for long. Raises NoConsole."""
    began = changed = said = time.monotonic()
    books: Books | None = None
    while True:
        found = console.books(site)
        now = time.monotonic()
        if books is None or found.ledger != books.ledger:
            changed = now
        books = found
        if now - changed >= _patience(books, sent) or now - began > LONGEST_SECONDS or hurried():
            return books
        if now - said > 5:
            said = now
            behind = "" if books.lag is None else f"; the store is {books.lag:.0f} s behind"
            say(f"waiting for the log to empty: {books.counted:,} of {sent.answered.entries:,} reports{behind}")
        pause(_PAUSE)


def _patience(books: Books, sent: Account) -> float:
    """What was not answered may still come, and what was must."""
    if books.counted >= sent.answered.entries and not sent.unknown.posts:
        return _COMPLETE
    return _EMPTY if books.lag == 0 else _BEHIND
