"""Collector, Kafka and processor on this machine, as they are: what is sent to them, and what is stored when.

Client, collector and Kafka share a core. The processor has the other, but a fifth of its time only: else those could
not send it more than it can do.
"""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from loadtest.bench.child import Child, Failed, run
from loadtest.bench.kafka import PARTITIONS, kafka
from loadtest.bench.latency import client, wire
from loadtest.bench.options import Options
from loadtest.bench.requests import Request
from loadtest.bench.servers import PROGRAM, REPORT_PATH, Server, free_port, scraped, sentinel, until_listening
from loadtest.bench.steps import Step
from loadtest.bench.throttle import throttled
from loadtest.traffic.model import Post, Traffic

__all__ = ["PARTITIONS", "Chain", "Look", "chain"]
_LOOK_SECONDS = 0.25
_PROCESSORS_SHARE = 0.2
_LONGEST_SECONDS = 150.0
_MOST_REPORTS = 10_000_000  # nobody sends so many


class Look(NamedTuple):
    """At a moment, in seconds since the epoch: reports since the start, batches, and what they took, in seconds."""

    at: float
    accepted: float
    stored: float
    batches: float
    inserting: float
    processor_cpu: float


Rates = list[tuple[float, float]]  # POSTs/s, and for how many seconds


@dataclass
class Chain:
    """`sent`: reports so far; no two of them are the same violation."""

    options: Options
    collector: Server
    processor: Server | None = None
    sent: int = 0
    _posts: Iterator[Post] = field(default_factory=lambda: iter(Traffic("different", _MOST_REPORTS, seed=11)))

    def send(self, steps: Rates) -> tuple[list[Step], list[Look]]:
        """Open-loop; until all is sent and, where there is a processor, stored. Raises Failed."""
        log = self.options.folder / "steps.log"
        its = list(itertools.islice(self._posts, sum(int(rate * seconds) for rate, seconds in steps)))
        self.sent += sum(post.reports for post in its)
        log.unlink(missing_ok=True)
        words = client("loadtest.bench.steps", self.collector, list(map(_wired, its)), self.options.folder)
        words += [f"{number:.6g}" for step in steps for number in step]
        with Child(words, log, self.options.client_core) as sending:
            looks = self.watch(lambda: not sending.running()) if self.processor else []
            sending.wait(_LONGEST_SECONDS)
        try:
            return msgspec.json.decode(log.read_bytes(), type=list[Step]), looks
        except msgspec.DecodeError:
            raise Failed(f"the client ended early: {sending.words()}") from None

    def watch(self, done: Callable[[], bool] = lambda: True) -> list[Look]:
        """Until `done`, and all that was sent is stored. Raises Failed."""
        looks = [self.look()]
        ends = time.monotonic() + _LONGEST_SECONDS
        while looks[-1].stored < self.sent or not done():
            if time.monotonic() > ends:
                raise Failed(f"not all of {self.sent} reports is stored after {_LONGEST_SECONDS:g} s: {looks[-1]}")
            time.sleep(_LOOK_SECONDS)
            looks.append(self.look())
        return looks

    def look(self) -> Look:
        assert self.processor is not None
        found = scraped(self.processor)
        return Look(
            time.time(),
            scraped(self.collector).get("sentinel_reports_accepted_total", 0.0),
            sum(value for name, value in found.items() if name.startswith("sentinel_reports_processed_total")),
            found.get("sentinel_insert_seconds_count", 0.0),
            found.get("sentinel_insert_seconds_sum", 0.0),
            self.processor.cpu_seconds(),
        )

    @contextlib.contextmanager
    def processing(self, environment: dict[str, str]) -> Iterator[None]:
        """A processor, from now on."""
        port = free_port()
        data_dir = str(self.options.folder / "processor")
        words = [str(PROGRAM), "process", "--data-dir", data_dir, "--ops-port", str(port)]
        with Child(words, self.options.folder / "processor.log", self.options.server_core, environment) as child:
            until_listening(child, port)
            self.processor = Server(child, "", lambda _request: "", f"http://127.0.0.1:{port}/metrics")
            with throttled(child, _PROCESSORS_SHARE):
                yield


@contextlib.contextmanager
def chain(options: Options) -> Iterator[tuple[Chain, dict[str, str]]]:
    """Without a processor; and the environment in which one reads this Kafka."""
    with kafka(options.folder / "kafka") as place:
        environment = {"SENTINEL_LOG": place}
        run([PROGRAM, "init"], options.folder / "init.log", environment=environment)
        with sentinel(options.folder, options.client_core, environment=environment) as collector:
            yield Chain(options, collector), environment


def _wired(post: Post) -> bytes:
    headers = {
        "User-Agent": post.agent.text,
        "Content-Type": post.content_type.decode(),
        "Origin": post.origin,
        "Referer": f"{post.origin}/",
    }
    return wire(Request("POST", headers, post.body, post.reports, array=False), REPORT_PATH)
