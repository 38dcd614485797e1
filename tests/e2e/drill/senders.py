"""Steady load: reports that each carry a mark of their own, sent once, and what each was answered."""

import http.client
import json
import random
import threading
import time
from collections import deque
from dataclasses import dataclass

from tests.e2e.drill.stages import Collector

PATIENCE_SECONDS = 15.0  # with `log` durability an answer may take 10
NO_ANSWER = 0
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"


@dataclass(frozen=True)
class Request:
    """`at`: seconds since the epoch; `took`: until the answer. No marks: it was rubbish."""

    collector: str
    marks: tuple[str, ...]
    others: int  # reports of another type in it
    at: float
    took: float
    status: int


class Sender(threading.Thread):
    """`requests` and `probes` (marks answered 204, about one a second, and when) may be read while it runs."""

    def __init__(self, collector: Collector, number: int, rate: float, seed: int) -> None:
        """`rate`: requests a second, of 3.3 reports on average."""
        super().__init__(daemon=True, name=f"sender-{collector.site}-{number}")
        self.requests: list[Request] = []
        self.probes: deque[tuple[str, float]] = deque()
        self._collector = collector
        self._prefix = f"https://shop.example/{collector.site}/{number}"
        self._pause = 1 / rate
        self._chance = random.Random(f"{seed} {self.name}")
        self._over = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._count = 0
        self._probed = 0.0

    def run(self) -> None:
        while not self._over.wait(self._pause * self._chance.uniform(0.5, 1.5)):
            kind = self._chance.choices(("legacy", "array", "rubbish"), (70, 28, 2))[0]
            marks = tuple(self._mark() for _ in range({"legacy": 1, "array": self._chance.randint(2, 15)}.get(kind, 0)))
            others = kind == "array" and self._chance.random() < 0.1
            at = time.time()
            status = self._post(kind, marks, others)
            self.requests.append(Request(self._collector.site, marks, int(others), at, time.time() - at, status))
            if status == 204 and time.monotonic() > self._probed + 1:
                self._probed = time.monotonic()
                self.probes.append((marks[-1], self._probed))
            if status == NO_ANSWER:
                self._over.wait(0.1)
        self._forget_connection()

    def stop(self) -> None:
        self._over.set()

    def _mark(self) -> str:
        self._count += 1
        return f"{self._prefix}/{self._count}"

    def _post(self, kind: str, marks: tuple[str, ...], others: bool) -> int:
        """Never twice: after an error the next request has a new connection."""
        body, content_type = _BODIES[kind](marks, others)
        headers = {"Content-Type": content_type, "User-Agent": AGENT}
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._collector.port, PATIENCE_SECONDS)
            self._connection.request("POST", f"/csp/report/{self._collector.site}", body, headers)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self._forget_connection()
            return NO_ANSWER
        return answer.status

    def _forget_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _legacy(marks: tuple[str, ...], others: bool) -> tuple[bytes, str]:
    fields = {
        "document-uri": marks[0], "referrer": "", "violated-directive": "img-src", "effective-directive": "img-src",
        "original-policy": "default-src 'self'; report-uri /csp/report", "disposition": "report",
        "blocked-uri": "https://ads.example/pixel.gif", "status-code": 200, "script-sample": "",
    }  # fmt: skip
    return json.dumps({"csp-report": fields}).encode(), "application/csp-report"


def _array(marks: tuple[str, ...], others: bool) -> tuple[bytes, str]:
    reports = [
        {
            "age": 0, "type": "csp-violation", "url": mark, "user_agent": AGENT,
            "body": {
                "documentURL": mark, "effectiveDirective": "script-src-elem", "disposition": "enforce",
                "blockedURL": "https://cdn.example/lib.js", "originalPolicy": "script-src 'self'; report-to csp",
                "statusCode": 200,
            },
        }
        for mark in marks
    ]  # fmt: skip
    other = {"age": 0, "type": "deprecation", "url": marks[0], "user_agent": AGENT, "body": {"id": "unload"}}
    return json.dumps([*reports, other] if others else reports).encode(), "application/reports+json"


def _rubbish(marks: tuple[str, ...], others: bool) -> tuple[bytes, str]:
    return b"{not a report", "application/csp-report"


_BODIES = {"legacy": _legacy, "array": _array, "rubbish": _rubbish}
