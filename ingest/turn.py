"""One turn of the event loop: the reports that came in it are written together, and answered after that.

Under load a turn has reports of many connections, and the write is what a report costs most. A report that comes alone
waits for nothing: the turn ends as soon as every socket that has something was read.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from ingest.answers import ACCEPTED, LAST_ACCEPTED, Answer
from ingest.collector import Collector, Post

_MOST_BYTES = 1024 * 1024  # of bodies: more than that is not held


class Turn:
    def __init__(self, collector: Collector, written: Callable[[Answer], bytes]) -> None:
        self._collector = collector
        self._written = written
        self._posts: list[Post] = []
        self._clients: list[tuple[asyncio.Transport, bool]] = []
        self._bytes = 0

    def add(self, post: Post, transport: asyncio.Transport, *, keeps: bool) -> None:
        """To be answered by the end of the turn, in this order; then the connection is closed unless `keeps`."""
        if not self._posts:
            asyncio.get_running_loop().call_soon(self.end)
        self._posts.append(post)
        self._clients.append((transport, keeps))
        self._bytes += len(post[0] or b"")
        if self._bytes > _MOST_BYTES:
            self.end()

    def end(self) -> None:
        """Call it before anything else is written to a connection that has a report here."""
        posts, clients = self._posts, self._clients
        if not posts:
            return
        self._posts, self._clients, self._bytes = [], [], 0
        try:
            others = self._collector.accept_all(posts)
        except BaseException:
            for transport, _ in clients:  # no answer, no promise
                transport.abort()
            raise
        accepted = self._written(ACCEPTED)
        for position, (transport, keeps) in enumerate(clients):
            if transport.is_closing():
                continue
            if keeps and position not in others:
                transport.write(accepted)
                continue
            answer = others.get(position, ACCEPTED)
            if not keeps:
                answer = LAST_ACCEPTED if answer is ACCEPTED else answer.last()
            transport.write(self._written(answer))
            if not keeps:
                transport.close()


class ProtocolTurn:
    """The same for granian, whose protocols each take one answer."""

    def __init__(
        self, collector: Collector, loop: asyncio.AbstractEventLoop, send: Callable[[Answer, Any], None]
    ) -> None:
        self._collector = collector
        self._loop = loop  # to ask which one runs is a system call
        self._send = send
        self._posts: list[Post] = []
        self._protocols: list[Any] = []
        self._bytes = 0

    def add(self, post: Post, protocol: Any) -> None:
        if not self._posts:
            self._loop.call_soon(self._end)
        self._posts.append(post)
        self._protocols.append(protocol)
        self._bytes += len(post[0] or b"")
        if self._bytes > _MOST_BYTES:
            self._end()

    def _end(self) -> None:
        posts, protocols = self._posts, self._protocols
        if not posts:
            return
        self._posts, self._protocols, self._bytes = [], [], 0
        others = self._collector.accept_all(posts)  # fails: granian answers 500 for protocols that are dropped unused
        for position, protocol in enumerate(protocols):
            self._send(others.get(position, ACCEPTED), protocol)
