"""The RSGI adapter, for granian: HTTP/2, and connections that cost little."""

import asyncio
from typing import Any

from ingest.answers import Answer
from ingest.collector import DRAINED_BYTES, MOST_UNFINISHED, Collector, site_of
from ingest.told import Told
from ingest.turn import WaitingTurn
from schema.reasons import Reason

REQUEST_SECONDS = 20
_SMALL_BYTES = 16 * 1024  # bodies that are read at once, unless very many are still coming


class _Busy(Exception):
    """Too much has come of bodies that are still coming."""


class RsgiCollector:
    def __init__(self, collector: Collector, loop: asyncio.AbstractEventLoop) -> None:
        """`loop` is the one it is called in."""
        self._collector = collector
        self._loop = loop
        self._turn = WaitingTurn(collector, loop)
        self._now = 0  # seconds, by `tick`
        self._unfinished = 0  # bytes that have come of larger ones
        self._reading: dict[asyncio.Task[Any] | None, int] = {}  # tasks that wait for a body, since when
        self._late: set[asyncio.Task[Any] | None] = set()

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

    async def _report(self, scope: Any, protocol: Any, site: str) -> Answer:
        collector, headers = self._collector, scope.headers
        agent, declared = _header(headers, "user-agent"), headers.get("content-length") or ""
        is_small = declared.isdigit() and int(declared) <= min(_SMALL_BYTES, collector.max_body_bytes)
        is_small = is_small and len(self._reading) * _SMALL_BYTES <= MOST_UNFINISHED
        body, task = b"", asyncio.current_task(self._loop)
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
        if collector.clients and collector.is_over(scope.client.rpartition(":")[0].strip("[]")):
            return collector.refuse(Reason.CLIENT_LIMIT, b"", agent, site)
        told = Told(
            site,
            _header(headers, "content-type"),
            agent,
            _header(headers, "origin"),
            _header(headers, "referer"),
            scope.query_string.encode("utf-8", "replace"),
        )
        if collector.spool.waits:  # nothing may come between the two: they count
            return await collector.settled(body, collector.accept(body, told))
        return await self._turn.accept(body, told)

    async def _read(self, protocol: Any) -> bytes:
        """The body up to one chunk over the limit; the rest is drained. Raises _Busy."""
        body, drained = bytearray(), 0
        try:
            async for chunk in protocol:
                if len(body) <= self._collector.max_body_bytes:
                    body += chunk
                    self._unfinished += len(chunk)
                    if self._unfinished > MOST_UNFINISHED:
                        raise _Busy
                else:
                    drained += len(chunk)
                    if drained > DRAINED_BYTES:
                        break
            return bytes(body)
        finally:
            self._unfinished -= len(body)

    def tick(self) -> None:
        """Called once a second: ends the reading of bodies that take too long.

        A timer for each would cost some tenth of a report's time, by estimate.
        """
        self._now += 1
        for task, since in self._reading.items():
            if task is not None and self._now - since > REQUEST_SECONDS and task not in self._late:
                self._late.add(task)
                task.cancel()


def _header(headers: Any, name: str) -> bytes | None:
    value = headers.get(name)
    return None if value is None else value.encode("utf-8", "replace")


def _send(answer: Answer, protocol: Any, *, head: bool) -> None:
    headers = list(answer.headers)
    if answer.body and not head:
        protocol.response_bytes(answer.status, headers, answer.body)
    else:
        protocol.response_empty(answer.status, headers)
