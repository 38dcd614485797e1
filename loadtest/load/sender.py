"""Sends posts when they are due, whether or not earlier ones are answered, and counts what became of each.

So waiting is not hidden: the rate is that of the arrivals, as of browsers that know nothing of one another, and a time
counts from the moment a post was due. A server that stands still for a second makes a second's posts late, where users
who each wait for their answer would have sent only one more each.
"""

import time
from collections import OrderedDict
from collections.abc import Iterator

import gevent
from gevent.pool import Group, Pool
from locust.env import Environment

from loadtest.load.account import BROKEN, NO_PREFLIGHT, Account, Sum
from loadtest.load.wire import TIMEOUT_SECONDS, Wire
from loadtest.traffic.model import Post
from loadtest.traffic.spelling import ARRAY

MOST_WAITING = 2000  # posts under way at once, in one process
LATE_SECONDS = 0.1
_REMEMBERED = 20_000  # arrays that a browser may send again
_GOOD = {200, 204}  # to a POST the collector says only 204; a proxy may answer preflights
_PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


class Failure(Exception):
    """What Locust lists as the reason."""


class Sender:
    """Of one run in one process. `account` may be read at any time."""

    def __init__(self, environment: Environment, url: str, site: str, posts: Iterator[Post]) -> None:
        self.account = Account(site)
        self._request = environment.events.request
        self._wire = Wire(url)
        self._path = f"/csp/report/{site}"
        self._posts = posts
        self._pool = Pool(MOST_WAITING)
        self._later = Group()  # what is sent again, until its moment
        self._arrays: OrderedDict[int, tuple[float, int]] = OrderedDict()  # by number: when it was due, and its at_ms
        self._drawn = 0
        self._over = False

    def send(self, due: float) -> None:
        """Begins one, and does not wait for it. `due` as time.perf_counter gives it."""
        if not self._over:
            self._begin(self._new(due), due)

    def _new(self, due: float) -> Post:
        """The next post that is sent for the first time; what comes before it, and is sent again, waits."""
        while True:
            post, number = next(self._posts), self._drawn
            self._drawn += 1
            if post.retry_of is None:
                if post.content_type == ARRAY:
                    self._arrays[number] = due, post.at_ms
                    if len(self._arrays) > _REMEMBERED:
                        self._arrays.popitem(last=False)
                return post
            if post.retry_of in self._arrays:
                self._again(post, *self._arrays[post.retry_of])

    def _again(self, post: Post, first_due: float, first_ms: int) -> None:
        """As much later than the first time as its reports are older: only then it is one that a browser would send."""
        due = first_due + (post.at_ms - first_ms) / 1000
        self._later.add(gevent.spawn_later(max(0.0, due - time.perf_counter()), self._begin, post, due))

    def _begin(self, post: Post, due: float) -> None:
        self.account.taken += 1
        self.account.late += time.perf_counter() - due > LATE_SECONDS
        if self._pool.full():
            self.account.unsent += 1
            self._told("POST", _name(post), due, f"not sent: {MOST_WAITING} still wait for their answers")
        else:
            self._pool.spawn(self._post, post, due)

    def _post(self, post: Post, due: float) -> None:
        answer: int | str = BROKEN
        try:
            answer = self._answer(post, due)
        finally:  # also where `finish` has waited long enough
            self.account.count(answer, _what(post))

    def _answer(self, post: Post, due: float) -> int | str:
        if post.preflight:
            if not self._preflight(post, due):
                return NO_PREFLIGHT
            due = time.perf_counter()
        headers = _headers(post) | {"Content-Type": post.content_type.decode()}
        answer = self._wire.ask("POST", self._path, headers, post.body, fresh=post.new_connection)
        self._told("POST", _name(post), due, _wrong(answer))
        return answer

    def _preflight(self, post: Post, due: float) -> bool:
        """Without a good answer to it a browser sends nothing."""
        answer = self._wire.ask("OPTIONS", self._path, _headers(post) | _PREFLIGHT, fresh=False)
        self._told("OPTIONS", "preflight", due, _wrong(answer))
        return answer in _GOOD

    def _told(self, method: str, name: str, due: float, wrong: str) -> None:
        self._request.fire(
            request_type=method,
            name=name,
            response_time=(time.perf_counter() - due) * 1000,
            response_length=0,
            exception=Failure(wrong) if wrong else None,
            context={},
        )

    def finish(self) -> Account:
        """Nothing more is sent; waits for the answers that are still to come."""
        self._over = True
        self._later.kill()
        self._pool.join(timeout=2 * TIMEOUT_SECONDS + 1)  # a preflight and its post
        self._pool.kill()
        self._wire.close()
        return self.account


def _what(post: Post) -> Sum:
    return Sum(1, post.reports, post.entries - post.reports, 0 if post.retry_of is None else post.entries)


def _wrong(answer: int | str) -> str:
    if answer in _GOOD:
        return ""
    return f"answered {answer}" if isinstance(answer, int) else answer


def _name(post: Post) -> str:
    return "array" if post.content_type == ARRAY else "report"


def _headers(post: Post) -> dict[str, str]:
    return {"Origin": post.origin, "User-Agent": post.agent.text}
