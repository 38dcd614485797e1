"""The plain ASGI adapter: for any ASGI server, and for what the fast edge leaves to uvicorn."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ingest.answers import Answer
from ingest.collector import MOST_UNFINISHED, REQUEST_SECONDS, Collector
from ingest.endless import DRAINED_BYTES
from ingest.told import Told, site_of
from schema.reasons import Reason

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class AsgiCollector:
    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await _send(await self._answer(scope, receive), send, head=scope["method"] == "HEAD")

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        collector = self._collector
        site = site_of(scope["path"])
        if site is None or scope["method"] != "POST":
            return collector.answer(scope["method"], scope["path"])
        headers = dict(reversed(scope["headers"]))  # the first of a name counts; names are lower-case by ASGI's rule
        agent = headers.get(b"user-agent")
        body = bytearray()
        try:
            why_not = await _read(receive, body, collector)
        finally:
            collector.unfinished -= len(body)
        if why_not is None and collector.is_over((scope.get("client") or ("",))[0]):
            why_not = Reason.CLIENT_LIMIT
        if why_not is not None:
            return collector.refuse(why_not, bytes(body), agent, site)
        told = Told.of(
            site,
            headers.get(b"content-type"),
            agent,
            headers.get(b"origin"),
            headers.get(b"referer"),
            scope.get("query_string", b""),
        )
        report = bytes(body)
        return await collector.settled(report, collector.accept(report, told))


async def _read(receive: Receive, body: bytearray, collector: Collector) -> Reason | None:
    """Fill `body` up to one chunk over the limit, and drain the rest. Returns why it is not whole.

    All in `body` is in `unfinished` too, until the caller takes it away.
    """
    drained = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(REQUEST_SECONDS):
            while drained <= DRAINED_BYTES:
                found = await receive()
                if found["type"] == "http.disconnect":
                    break
                chunk = found.get("body", b"")
                if len(body) > collector.max_body_bytes:
                    drained += len(chunk)
                else:
                    body += chunk
                    collector.unfinished += len(chunk)
                    if collector.unfinished > MOST_UNFINISHED:
                        return Reason.BUSY
                if not found.get("more_body", False):
                    return None
    return Reason.TOO_LARGE if len(body) > collector.max_body_bytes else Reason.INCOMPLETE


async def _send(answer: Answer, send: Send, *, head: bool) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers]
    if answer.body:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    if answer.close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})


async def _live(receive: Receive, send: Send) -> None:
    """Lifespan: what there is to start and stop, the worker does."""
    while True:
        found = await receive()
        await send({"type": found["type"] + ".complete"})
        if found["type"] == "lifespan.shutdown":
            return
