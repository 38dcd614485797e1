"""All that apprise knows: chat, mail, pagers. As plain text, with nothing in it that a service would read as markup."""

import functools
import logging
import subprocess
import sys

import apprise
import msgspec

from alerts.apart import Job
from alerts.channel import Failed
from alerts.message import Message
from alerts.texts import plain

SECONDS = 8.0  # for all of it, of which apprise takes one to begin
_PROGRAM = (sys.executable, "-P", "-m", "alerts.apart")  # -P: nothing of the working directory
_log = logging.getLogger("apprise")
# It logs addresses and answers, which hold secrets: none of it goes into our log.
_log.propagate = False
_log.addHandler(logging.NullHandler())


@functools.lru_cache(maxsize=1024)
def known(url: str) -> bool:
    return isinstance(apprise.Apprise.instantiate(url, suppress_exceptions=True), apprise.NotifyBase)


class Other:
    kind = "apprise"

    def __init__(self, key: str, name: str, url: str) -> None:
        self.key, self.name = key, name
        self._url = url

    def send(self, message: Message) -> None:
        """By pipe, because everybody may read the arguments of a process."""
        job = Job(self._url, plain(message.title), plain(message.text), SECONDS)
        try:
            done = subprocess.run(  # noqa: S603  (arguments are ours)
                _PROGRAM, input=msgspec.json.encode(job), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                timeout=SECONDS, start_new_session=True, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise Failed(f"no answer within {SECONDS:.0f} s") from error
        if done.stdout or done.returncode:
            raise Failed(done.stdout.decode(errors="replace") or f"its process ended with {done.returncode}")
