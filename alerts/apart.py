"""One message by apprise, in a process of its own: `python -m alerts.apart`, with what to send as JSON on its input.

Its services call whom they like with no deadline for the whole, and read answers whole. A process can be given an end,
and a limit of memory, whatever they do; and what is changed of `requests` here is changed for nobody else.
"""

import logging
import re
import resource
import signal
import sys
from collections.abc import Iterator
from typing import Any

import msgspec

_MOST_MEMORY = 256 << 20  # bytes; apprise takes 40 MB
_MOST_BYTES = 1 << 20  # of an answer; a few services say in it where to go on
_LONGEST_TITLE = 200


class Job(msgspec.Struct, frozen=True):
    url: str
    title: str
    text: str
    seconds: float


def main() -> None:
    """Writes why it failed, or nothing."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    signal.setitimer(signal.ITIMER_REAL, job.seconds)  # ends it also where who started it is gone
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, _MOST_MEMORY))
    try:
        _bind_requests()
        says = _send(job)
    except Exception as error:  # noqa: BLE001  (a library's; its words may hold the URL)
        says = f"failed: {type(error).__name__}"
    sys.stdout.write(says)


def _bind_requests() -> None:
    """No redirect is followed: it would turn the POST into a GET of something else. Answers are cut."""
    import requests  # noqa: PLC0415  (within the limits)

    whole = requests.Response.iter_content

    def cut(self: requests.Response, *args: Any, **named: Any) -> Iterator[Any]:
        read = 0
        for part in whole(self, *args, **named):
            yield part
            read += len(part)
            if read > _MOST_BYTES:
                self.close()
                return

    requests.Response.iter_content = cut  # type: ignore[method-assign]
    requests.Session.get_redirect_target = lambda *_: None  # type: ignore[method-assign]


def _send(job: Job) -> str:
    """What a service cuts off is the end; the title says the most important."""
    import apprise  # noqa: PLC0415

    service = apprise.Apprise.instantiate(job.url, suppress_exceptions=True)
    if not isinstance(service, apprise.NotifyBase):
        return "apprise can't use its URL"
    statuses = _Statuses()
    logging.getLogger("apprise").addHandler(statuses)
    if service.notify(
        title=job.title[:_LONGEST_TITLE],
        body=_cut(job.text, service.body_maxlen),
        body_format=apprise.NotifyFormat.TEXT,
    ):
        return ""
    return f"answered {statuses.last}" if statuses.last else f"{service.service_name} did not take it"


def _cut(text: str, longest: int) -> str:
    """Into one message of the service instead of many; whole lines."""
    room = longest - _LONGEST_TITLE - 50
    if len(text) <= room or room <= 0:
        return text
    return text[:room].rpartition("\n")[0] + "\n…"


class _Statuses(logging.Handler):
    """Its functions answer yes or no; the status, a number and no secret, is in what it logs."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        found = re.search(r"error=(\d{3})\b", record.getMessage())
        if found:
            self.last = found[1]


if __name__ == "__main__":
    main()
