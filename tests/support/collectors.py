"""Real collector processes for tests: each adapter behind its real server."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from log.frame import HEADER, split
from log.segments import segments
from schema import delivery
from schema.delivery import Delivery

_WORKER = """
import dataclasses, json, socket, sys
from pathlib import Path
from ingest.worker import Options, run
fd, options = int(sys.argv[1]), json.loads(sys.argv[2])
options = {key: Path(value) if key in ("spool", "sites") and value else value for key, value in options.items()}
run(Options(**options), socket.socket(fileno=fd), lambda _: print("ready", flush=True), None)
"""

# The ASGI adapter as any server would run it: uvicorn with its own protocol, not the edge.
_ASGI = """
import asyncio, json, socket, sys, uvicorn
from pathlib import Path
from ingest.asgi import AsgiCollector
from ingest.collector import Collector
from ingest.spool import Spool
from log.segments import SegmentWriter
from schema.sites import load_sites
fd, options = int(sys.argv[1]), json.loads(sys.argv[2])
sites = load_sites(Path(options["sites"]) if options["sites"] else None)
writer = SegmentWriter(Path(options["spool"]), options["spool_max_bytes"])
rate = options.get("client_rate", 0)
collector = Collector(Spool(writer, hold=False), sites, options["max_body_bytes"], client_rate=rate)
server = uvicorn.Server(uvicorn.Config(AsgiCollector(collector), log_level="error", access_log=False))
async def main():
    serving = asyncio.create_task(server.serve([socket.socket(fileno=fd)]))
    while not serving.done():
        if server.started:
            print("ready", flush=True)
            break
        await asyncio.sleep(0.01)
    while not serving.done():
        collector.tend()
        writer.tend()
        await asyncio.sleep(0.2)
try:
    asyncio.run(main())
finally:
    writer.close()
"""

SERVERS = ("fast", "granian", "asgi")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class RunningCollector:
    """A collector in a process of its own, and what it put into its spool."""

    def __init__(self, server: str, folder: Path, first: str = "", **changed: object) -> None:
        """`first` is code the process runs before the collector; `changed` are its options."""
        import json

        options = {
            "spool": str(folder / "spool" / "0"),
            "spool_max_bytes": 64 << 20,
            "durability": "disk",
            "sites": None,
            "max_body_bytes": 256 << 10,
            "max_connections": 1000,
            "server": server,
            **changed,
        }
        self.spool = Path(str(options["spool"]))
        with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
            self.port = listener.getsockname()[1]
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    f"{first}\n{_ASGI if server == 'asgi' else _WORKER}",
                    str(listener.fileno()),
                    json.dumps(options),
                ],
                pass_fds=[listener.fileno()],
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": "."},
            )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, named)
            found = connection.getresponse()
            return Answer(found.status, {name.lower(): value for name, value in found.getheaders()}, found.read())
        finally:
            connection.close()

    def post(self, body: bytes, path: str = "/csp/report", **headers: str) -> Answer:
        return self.request("POST", path, body, **{"content_type": "application/csp-report", **headers})

    def raw(self, sent: bytes, answers: int = 1) -> bytes:
        """Send bytes as they are; returns what comes back, up to so many answers' heads or until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(sent)
            connection.settimeout(5.0)
            came = b""
            try:
                while came.count(b"\r\n\r\n") < answers and (chunk := connection.recv(65536)):
                    came += chunk
            except (TimeoutError, ConnectionResetError):
                pass
            return came

    def deliveries(self) -> list[Delivery]:
        found = []
        for path in segments(self.spool):
            records = split(path.read_bytes()[len(HEADER) :], final=True).records
            found += [delivery.decode(record) for record in records]
        return found

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code
