"""The RSGI adapter, for granian: HTTP/2, and connections that cost little."""

import asyncio
import functools
from typing import Any

from ingest.answers import Answer
from ingest.collector import MOST_UNFINISHED, REQUEST_SECONDS, Collector
from ingest.endless import DRAINED_BYTES
from ingest.told import Told, site_of
from ingest.turn import ProtocolTurn
from schema.reasons import Reason

_SMALL_BYTES = 16 * 1024  # bodies that are read at once, unless very many are still coming
_LONGEST = 20  # digits of a length


class _Busy(Exception):
    """Too much is held of bodies."""


class RsgiCollector:
    def __init__(self, collector: Collector, loop: asyncio.AbstractEventLoop) -> None:
        """`loop` is the one it is called in."""
        self._collector = collector
        self._loop = loop
        self._turn = ProtocolTurn(collector, loop, _send)
        self._small = min(_SMALL_BYTES, collector.max_body_bytes)
        self._now = 0  # seconds, by `tick`
        self._reading: dict[Any, int] = {}  # tasks that wait for a body, and small bodies to come; since when
        self._late: set[Any] = set()

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if scope.proto != "http":
            protocol.close(403)
            return
        site = site_of(scope.path)
        if site is None or scope.method != "POST":
            answer = self._collector.answer(scope.method, scope.path)
        else:
            answer = await self._report(scope, protocol, site)
        _send(answer, protocol, head=scope.method == "HEAD")

    def take(self, scope: Any, protocol: Any) -> bool:
        """Whether it is a small report, which is answered from here without a task. Called in a thread of granian's."""
        if scope.proto != "http" or scope.method != "POST" or self._collector.spool.waits:
            return False
        site = site_of(scope.path)
        if site is None or not self._is_small(scope.headers.get("content-length") or ""):
            return False
        body = protocol()
        self._reading[body] = self._now
        body.add_done_callback(functools.partial(self._came, scope, protocol, site))
        return True

    def _is_small(self, declared: str) -> bool:
        held = self._collector.unfinished + len(self._reading) * _SMALL_BYTES
        return bool(declared) and _bytes(declared) <= self._small and held <= MOST_UNFINISHED

    def _came(self, scope: Any, protocol: Any, site: str, coming: Any) -> None:
        """A small body, or the end of the wait for it. In the event loop."""
        del self._reading[coming]
        self._late.discard(coming)
        try:
            body = coming.result()
        except (RuntimeError, asyncio.CancelledError):  # gone: granian's protocol errors are RuntimeErrors; or late
            agent = _header(scope.headers, "user-agent")
            _send(self._collector.refuse(Reason.INCOMPLETE, b"", agent, site), protocol)
        else:
            self._turn.add((None if self._is_over(scope) else body, _told(scope, site)), protocol)

    def _is_over(self, scope: Any) -> bool:
        collector = self._collector
        return collector.clients is not None and collector.is_over(scope.client.rpartition(":")[0].strip("[]"))

    async def _report(self, scope: Any, protocol: Any, site: str) -> Answer:
        """A large one, one of unknown length, or one whose answer waits for Kafka."""
        collector, agent = self._collector, _header(scope.headers, "user-agent")
        body, task = b"", asyncio.current_task(self._loop)
        declared = scope.headers.get("content-length") or ""
        is_small = self._is_small(declared)
        self._reading[task] = self._now
        try:
            body = await (protocol() if is_small else self._read(protocol))
        except _Busy:
            return collector.refuse(Reason.BUSY, b"", agent, site)
        except (RuntimeError, asyncio.CancelledError) as error:  # gone: granian's protocol errors are RuntimeErrors
            if isinstance(error, asyncio.CancelledError) and task not in self._late:
                raise
            return collector.refuse(Reason.INCOMPLETE, body, agent, site)
        finally:
            del self._reading[task]
            self._late.discard(task)
        if len(body) > collector.max_body_bytes:
            return collector.refuse(Reason.TOO_LARGE, body, agent, site)
        if len(body) < _bytes(declared):  # granian's chunks end as if it were whole
            return collector.refuse(Reason.INCOMPLETE, body, agent, site)
        if self._is_over(scope):
            return collector.refuse(Reason.CLIENT_LIMIT, b"", agent, site)
        # Nothing may come between the two: they count.
        return await collector.settled(body, collector.accept(body, _told(scope, site)))

    async def _read(self, protocol: Any) -> bytes:
        """The body up to one chunk over the limit; the rest is drained. Raises _Busy."""
        body, drained, collector = bytearray(), 0, self._collector
        try:
            async for chunk in protocol:
                if len(body) <= collector.max_body_bytes:
                    body += chunk
                    collector.unfinished += len(chunk)
                    if collector.unfinished > MOST_UNFINISHED:
                        raise _Busy
                else:
                    drained += len(chunk)
                    if drained > DRAINED_BYTES:
                        break
            return bytes(body)
        finally:
            collector.unfinished -= len(body)

    def tick(self) -> None:
        """Called once a second: ends the reading of bodies that take too long.

        A timer for each would cost some tenth of a report's time, by estimate.
        """
        self._now += 1
        for waiting, since in self._reading.copy().items():  # granian's thread adds some meanwhile
            if self._now - since > REQUEST_SECONDS and waiting not in self._late:
                self._late.add(waiting)
                waiting.cancel()


def _bytes(declared: str) -> float:
    """What a Content-Length says; 0 where there is none."""
    if not declared:
        return 0
    return int(declared) if declared.isdecimal() and len(declared) <= _LONGEST else float("inf")


def _told(scope: Any, site: str) -> Told:
    headers = scope.headers
    return Told.of(
        site,
        _header(headers, "content-type"),
        _header(headers, "user-agent"),
        _header(headers, "origin"),
        _header(headers, "referer"),
        scope.query_string.encode(),
    )


def _header(headers: Any, name: str) -> bytes | None:
    value = headers.get(name)
    return None if value is None else value.encode()


def _send(answer: Answer, protocol: Any, *, head: bool = False) -> None:
    headers = list(answer.headers)
    if answer.body and not head:
        protocol.response_bytes(answer.status, headers, answer.body)
    else:
        protocol.response_empty(answer.status, headers)
