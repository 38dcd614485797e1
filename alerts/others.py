"""All that apprise knows: chat, mail, pagers. As plain text, with nothing in it that a service would read as markup."""

import functools
import logging
import re
import threading

import apprise
from apprise import NotifyFormat

from alerts.channel import Failed
from alerts.message import Message
from alerts.texts import plain

_LONGEST_TITLE = 200
_log = logging.getLogger("apprise")
# It logs addresses and answers, which hold secrets: none of it goes into our log.
_log.propagate = False
_log.addHandler(logging.NullHandler())


@functools.lru_cache(maxsize=1024)
def known(url: str) -> bool:
    return _made(url) is not None


def _made(url: str) -> apprise.NotifyBase | None:
    found = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    return found if isinstance(found, apprise.NotifyBase) else None


class Other:
    kind = "apprise"

    def __init__(self, key: str, name: str, url: str) -> None:
        self.key, self.name = key, name
        self._url = url

    def send(self, message: Message) -> None:
        """What a service cuts off is the end; the title says the most important."""
        service = _made(self._url)
        if service is None:
            raise Failed("apprise can't use its URL")
        with _Statuses() as statuses:
            taken = service.notify(
                title=plain(message.title)[:_LONGEST_TITLE],
                body=_cut(plain(message.text), service.body_maxlen),
                body_format=NotifyFormat.TEXT,
            )
        if not taken:
            raise Failed(f"answered {statuses.last}" if statuses.last else f"{service.service_name} did not take it")


def _cut(text: str, longest: int) -> str:
    """Into one message of the service instead of many; whole lines."""
    room = longest - _LONGEST_TITLE - 50
    if len(text) <= room or room <= 0:
        return text
    return text[:room].rpartition("\n")[0] + "\n…"


class _Statuses(logging.Handler):
    """Its functions answer yes or no; the status, a number and no secret, is in what it logs."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        found = re.search(r"error=(\d{3})\b", record.getMessage())
        if found and record.thread == self._thread:
            self.last = found[1]

    def __enter__(self) -> "_Statuses":
        _log.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        _log.removeHandler(self)
