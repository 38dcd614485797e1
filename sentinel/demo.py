"""`csp-sentinel demo`: sends made-up reports to a running collector, and says exactly what it sent."""

import http.client
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from loadtest.traffic.making import LONGEST_AGE_MS
from loadtest.traffic.model import Post, Traffic
from loadtest.traffic.spelling import older
from schema.sites import LABEL

__all__ = ["DemoStopped", "Post", "Totals", "make", "run", "send"]

SPREAD_MS = 59 * 60_000  # the posts' range, so that a chart has an hour to show: their reports are a minute older
TRIES = 8  # of one request that is answered 503
_LONGEST_WAIT = 30.0  # s, whatever Retry-After asks for
_TIMEOUT = 15.0  # s for an answer


class DemoStopped(Exception):
    """One sentence: what went wrong, and what to do."""


@dataclass
class Totals:
    """What was answered 204. `again`: sent twice because a connection broke, so perhaps counted twice."""

    requests: int = 0
    reports: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    again: int = 0

    def add(self, post: Post) -> None:
        self.requests += 1
        self.reports += post.reports
        self.ignored.update(post.ignored)

    def __str__(self) -> str:
        lines = [f"{self.reports} violation reports in {self.requests} requests"]
        if self.ignored:
            kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(self.ignored.items()))
            lines.append(f"{self.ignored.total()} reports of other types, which are counted as ignored: {kinds}")
        if self.again:
            lines.append(f"{self.again} requests were sent again after a broken connection and may count twice")
        return "; ".join(lines)


def make(seed: int, reports: int) -> Iterator[Post]:
    """Posts that hold `reports` violation reports together: an hour's, whose ages say when they came about."""
    ends_ms = LONGEST_AGE_MS + SPREAD_MS
    for post in Traffic("demo", reports, seed, rate=max(1, reports) * 1000 / SPREAD_MS):
        yield post._replace(body=older(post.body, max(0, ends_ms - post.at_ms)))


def run(url: str, site: str, seed: int, reports: int, console: Console) -> Totals:
    """Makes and sends, under a progress bar. Raises DemoStopped."""
    columns = TextColumn("sending reports"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=reports)
        return send(make(seed, reports), url, site, sent=lambda post: progress.advance(task, post.reports))


def send(
    posts: Iterator[Post],
    url: str,
    site: str,
    *,
    connections: int = 4,
    sent: Callable[[Post], None] = lambda _post: None,
) -> Totals:
    """Sends all of `posts`; `sent` is called after each. Raises DemoStopped."""
    sender = _Sender(posts, _target(url), site, sent)
    threads = [threading.Thread(target=sender.work, daemon=True) for _ in range(connections)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        sender.stop.set()  # Ctrl-C comes out of join
    if sender.failure is not None:
        before = f"; sent before: {sender.totals}" if sender.totals.requests else ""
        raise DemoStopped(f"{sender.failure}{before}")
    return sender.totals


def _target(url: str) -> SplitResult:
    try:
        target = urlsplit(url)
        if target.scheme in {"http", "https"} and target.hostname and target.port != 0 and _is_plain(url):
            target.hostname.encode("idna")
            return target
    except ValueError:  # a port that is no number, a host that is none
        pass
    raise DemoStopped(f"--url {url!r} should be the collector's address, like http://127.0.0.1:8080")


def _is_plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url


class _Sender:
    """Shared by the threads; each has a connection of its own."""

    def __init__(self, posts: Iterator[Post], target: SplitResult, site: str, sent: Callable[[Post], None]) -> None:
        if not LABEL.fullmatch(site):
            raise DemoStopped(f"--site {site!r} is no label: lower-case letters, digits and hyphens, at most 63")
        self.totals = Totals()
        self.failure: DemoStopped | None = None
        self.stop = threading.Event()
        self._posts = posts
        self._target = target
        self._where = f"{target.scheme}://{target.netloc.rpartition('@')[2]}"
        self._path = f"{target.path.rstrip('/')}/csp/report/{site}"
        self._sent = sent
        self._lock = threading.Lock()

    def work(self) -> None:
        connection = self._connection()
        try:
            while (post := self._next()) is not None:
                if not self._deliver(connection, post):
                    return
                with self._lock:
                    self.totals.add(post)
                    self._sent(post)
        except DemoStopped as failure:
            self.failure = self.failure or failure
            self.stop.set()
        finally:
            connection.close()

    def _next(self) -> Post | None:
        with self._lock:
            return None if self.stop.is_set() else next(self._posts, None)

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._target.hostname or "", self._target.port
        if self._target.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=_TIMEOUT)

    def _deliver(self, connection: http.client.HTTPConnection, post: Post) -> bool:
        """False when stopping came first. A 503 is tried again when the collector says so."""
        for _ in range(TRIES):
            status, wait, said = self._exchange(connection, post)
            if status == http.HTTPStatus.NO_CONTENT:
                return True
            if status != http.HTTPStatus.SERVICE_UNAVAILABLE:
                raise DemoStopped(f"{self._where}{self._path} answered {status}, not 204{said}: is that the collector?")
            if self.stop.wait(wait):
                return False
        raise DemoStopped(f"{self._where} answered 503 {TRIES} times: its spool is full, or it is shutting down")

    def _exchange(self, connection: http.client.HTTPConnection, post: Post) -> tuple[int, float, str]:
        """Status, seconds to wait, and what was said. A kept connection may have been closed meanwhile: once more."""
        headers = {"Content-Type": post.content_type.decode(), "User-Agent": post.agent.text}
        kept = connection.sock is not None
        try:
            return self._request(connection, post.body, headers)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if not kept or isinstance(error, TimeoutError):
                raise self._unreachable(error) from error
        with self._lock:
            self.totals.again += 1
        try:
            return self._request(connection, post.body, headers)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error

    def _request(
        self, connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]
    ) -> tuple[int, float, str]:
        connection.request("POST", self._path, body, headers)
        response = connection.getresponse()
        found = response.read(2000)
        if not response.isclosed():  # the rest would be taken for the next answer
            connection.close()
        asked = response.headers.get("Retry-After", "")
        wait = min(float(asked), _LONGEST_WAIT) if asked.isascii() and asked.isdigit() else 1.0
        said = "".join(char if char.isprintable() else " " for char in found[:200].decode("utf-8", "replace")).strip()
        return response.status, wait, said and f" ({said})"

    def _unreachable(self, error: Exception) -> DemoStopped:
        what = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return DemoStopped(
            f"no collector answers at {self._where} ({what}): start one with `csp-sentinel run`, "
            "or say with --url where it is"
        )
