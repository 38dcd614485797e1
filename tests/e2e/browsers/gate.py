"""The whole web of the test: a proxy that leads every https host to a server here, and knows no other."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future

from tests.support.certificate import Certificate

_PIECE = 1 << 16  # bytes


@contextlib.contextmanager
def gate(certificate: Certificate, hosts: Mapping[str, int]) -> Iterator[int]:
    """`hosts`: the port behind each, in plain HTTP. Gives the proxy's own port.

    So the pages have the names and the addresses of a real site, the collector stands behind TLS as it should, and
    what a browser would tell its maker goes nowhere.
    """
    opened = Gate(certificate, hosts)
    running: Future[int] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(opened.serve(running)))
    thread.start()
    yield running.result(10)
    opened.close()
    thread.join()


class Gate:
    def __init__(self, certificate: Certificate, hosts: Mapping[str, int]) -> None:
        self._hosts = hosts
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate.certificate, certificate.key)

    async def serve(self, running: "Future[int]") -> None:
        self._loop, self._closed = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        running.set_result(server.sockets[0].getsockname()[1])
        await self._closed.wait()
        server.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._closed.set)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A browser that closes early is none of our business.
        with contextlib.suppress(OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError):
            try:
                await self._lead(reader, writer)
            finally:
                writer.close()

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, where = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split()[:2]
        port = self._hosts.get(where.removesuffix(":443")) if method == "CONNECT" else None
        if port is None:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return await writer.drain()
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await writer.drain()
        await writer.start_tls(self._tls)
        behind, to = await asyncio.open_connection("127.0.0.1", port)
        try:
            ways = [asyncio.create_task(_pour(reader, to)), asyncio.create_task(_pour(behind, writer))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            to.close()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
