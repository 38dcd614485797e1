"""Browsers' traffic (`loadtest.traffic`, shape `learned`) at a constant rate, and what each post was answered.

A post whose answer never came may be stored or not. From then on its sender reports as another site: so each site has
one post in doubt at most, and the ledger, which is kept by site, must have all of it or nothing.
"""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

from loadtest.traffic.model import Traffic
from loadtest.traffic.posts import Post

PATIENCE_SECONDS = 15.0
NOT_SENT, BROKEN = -1, 0  # instead of a status: nothing can have arrived; anything can
_PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


@dataclass
class Account:
    """Of one site. In reports of every type: `answered` 204; `again`, those of them that are a browser's retry;
    `doubt`, those of the post that has no answer, and was the last.
    """

    site: str
    answered: int = 0
    again: int = 0
    others: int = 0  # of types that are counted only, without the retries
    doubt: int = 0


@dataclass
class Sent:
    """By one sender, to one collector. `statuses` counts posts, with NOT_SENT and BROKEN among them."""

    accounts: list[Account] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def count(self, post: Post, status: int) -> None:
        self.statuses[status] += 1
        account = self.accounts[-1]
        if status == 204:
            account.answered += post.entries
            if post.retry_of is None:
                account.others += post.entries - post.reports
            else:
                account.again += post.entries
        elif status == BROKEN:
            account.doubt = post.entries


class Sender(threading.Thread):
    """Takes a post from `posts` when the one before is answered; None ends it."""

    def __init__(self, collector: str, number: int, port: Callable[[], int]) -> None:
        """`port` is asked for each connection: the collector may be started again meanwhile."""
        super().__init__(daemon=True, name=f"{collector}-{number}")
        self.collector = collector
        self.posts: SimpleQueue[Post | None] = SimpleQueue()
        self.sent = Sent()
        self._port = port
        self._connection: http.client.HTTPConnection | None = None
        self._another_site()

    def run(self) -> None:
        while post := self.posts.get():
            self._send(post)
        self._forget_connection()

    def stop(self) -> None:
        """After what is due."""
        self.posts.put(None)

    def _another_site(self) -> None:
        self.sent.accounts.append(Account(f"{self.name}-{len(self.sent.accounts)}"))

    def _send(self, post: Post) -> None:
        if post.new_connection:
            self._forget_connection()
        headers = {"Origin": post.origin, "User-Agent": post.agent.text}
        if post.preflight and self._ask("OPTIONS", headers | _PREFLIGHT, None) != 204:
            status = NOT_SENT  # as a browser, that sends nothing without leave
        else:
            status = self._ask("POST", headers | {"Content-Type": post.content_type.decode()}, post.body)
        self.sent.count(post, status)
        if status == BROKEN:
            self._another_site()

    def _ask(self, method: str, headers: dict[str, str], body: bytes | None) -> int:
        """Never twice: after an error the next post has a new connection."""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port(), PATIENCE_SECONDS)
                self._connection.connect()
        except OSError:
            self._forget_connection()
            return NOT_SENT
        try:
            self._connection.request(method, f"/csp/report/{self.sent.accounts[-1].site}", body, headers)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self._forget_connection()
            return BROKEN
        return answer.status

    def _forget_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Load(threading.Thread):
    """Gives each post to the sender of its visitor when it is due, whether or not earlier ones are answered."""

    def __init__(self, senders: Sequence[Sender], rate: float, seconds: float, seed: int) -> None:
        """`rate`: reports a second, those that are sent again not counted; for at least `seconds`."""
        super().__init__(daemon=True, name="load")
        self._senders = senders
        self._posts: Iterable[Post] = Traffic("learned", int(rate * seconds) + 1000, seed, rate=rate)
        self._over = threading.Event()

    def run(self) -> None:
        for sender in self._senders:
            sender.start()
        began, first = time.monotonic(), None
        for post in self._posts:
            first = post.at_ms if first is None else first
            if self._over.wait(max(0.0, began + (post.at_ms - first) / 1000 - time.monotonic())):
                break
            self._senders[post.visitor % len(self._senders)].posts.put(post)

    def stop(self) -> None:
        """Returns when all that was due is answered."""
        self._over.set()
        self.join()
        for sender in self._senders:
            sender.stop()
        for sender in self._senders:
            sender.join()


def statuses(senders: Iterable[Sender], collector: str | None = None) -> Counter[int]:
    """Posts by answer; of one collector or of all."""
    found: Counter[int] = Counter()
    for sender in senders:
        if collector in {None, sender.collector}:
            found.update(sender.sent.statuses)
    return found
