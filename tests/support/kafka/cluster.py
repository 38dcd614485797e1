"""A real Kafka of one broker or three on this machine, whose brokers can be killed, frozen and started again."""

import contextlib
import itertools
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from tests.support.kafka import broker, jars, listeners
from tests.support.ports import free_ports

# C1 alone and the serial collector start quickest. Three brokers took 150 MB in with 64 MB of heap each.
JAVA = [
    "java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",  # 300 settings at each start
]  # fmt: skip
CLUSTER_ID = "Q1NQLVNlbnRpbmVsLXRlcw"  # 16 bytes, as a URL's base64
STARTED = "Kafka Server started"  # logged once the broker is unfenced and takes requests
START_SECONDS = 120  # it takes 2; three at once on two busy cores have taken 22
STOP_SECONDS = 10


class Cluster:
    """Brokers 1 to `brokers`, each a controller too; their storage and `broker-N.log` are in `folder`.

    A folder that holds their storage already is gone on with. `secure` adds listeners for TLS and SASL (see
    listeners.py). `settings` are a broker's, such as {"auto.create.topics.enable": "true"}. Clients find the brokers at
    `first_port` and the free ports that follow, or anywhere. Methods block: inside an event loop they want
    `asyncio.to_thread`. Raises jars.Missing, and AssertionError with a broker's log where it doesn't come up.
    """

    def __init__(
        self,
        folder: Path,
        brokers: int = 1,
        *,
        secure: bool = False,
        settings: Mapping[str, str] | None = None,
        first_port: int | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.numbers = range(1, brokers + 1)
        self._libs = jars.fetch()
        ways = [*listeners.PLAIN, *(listeners.SECURE if secure else []), broker.CONTROLLER]
        ports = iter(free_ports(len(ways) * brokers, first_port))
        self._ports = {way: list(itertools.islice(ports, brokers)) for way in ways}
        self._secure = listeners.secure_properties(self.folder) if secure else {}
        self._settings = dict(settings or {})
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        # A parent-death signal comes when the *thread* that started the process ends: so one thread starts them all.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="kafka")

    @property
    def bootstrap(self) -> str:
        """host:port,host:port of every broker, up or not."""
        return self.address("PLAINTEXT")

    def address(self, listener: str) -> str:
        """`bootstrap` for PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
        return ",".join(f"127.0.0.1:{port}" for port in self._ports[listener])

    @property
    def ca(self) -> Path:
        """PEM of the authority by which clients of the TLS listeners know the brokers: their certificate itself."""
        return self.folder / "certificate.pem"

    def __enter__(self) -> Self:
        try:
            self._format()
            self.start(*self.numbers)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for number in self._processes:
            self.kill(number)
        self._starter.shutdown()

    def start(self, *numbers: int) -> None:
        """These brokers, with the ports and storage they had; returns when they take requests."""
        begins = {}
        for number in numbers:
            begins[number] = self.log(number).stat().st_size if self.log(number).exists() else 0
            self._processes[number] = self._launch(number, "kafka.Kafka", self._properties(number))
        for number, begin in begins.items():
            self._wait(number, begin)

    def stop(self, *numbers: int) -> None:
        """As an administrator stops these brokers: 0.4 s for the only one, 6 s for all of three."""
        stopping = [self._processes[number] for number in numbers]
        for process in stopping:
            process.terminate()
        ends = time.monotonic() + STOP_SECONDS
        for process in stopping:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, ends - time.monotonic()))
            process.kill()
            process.wait()

    def kill(self, number: int) -> None:
        """SIGKILL: no goodbye; what the broker wrote is in the page cache and stays."""
        self._processes[number].kill()
        self._processes[number].wait()

    def freeze(self, number: int) -> None:
        """Returns when the last of its threads stands still."""
        self._processes[number].send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid(number), os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self, number: int) -> None:
        self._processes[number].send_signal(signal.SIGCONT)

    def log(self, number: int) -> Path:
        return self.folder / f"broker-{number}.log"

    def pid(self, number: int) -> int:
        return self._processes[number].pid

    def _format(self) -> None:
        """All at once: most of the 1.2 s each takes is the JVM's start."""
        arguments = ["format", "--cluster-id", CLUSTER_ID, *(listeners.scram_users() if self._secure else [])]
        formats = {
            number: self._launch(number, "kafka.tools.StorageTool", *arguments, "--config", self._properties(number))
            for number in self.numbers
            if not (self._storage(number) / "meta.properties").exists()
        }
        for number, process in formats.items():
            if process.wait(START_SECONDS):
                raise AssertionError(self._tail(number))

    def _launch(self, number: int, *arguments: str | Path) -> subprocess.Popen[bytes]:
        command = ["setpriv", "--pdeathsig", "KILL", *JAVA, "-cp", f"{self._libs}/*", *arguments]
        with self.log(number).open("ab") as log:
            return self._starter.submit(
                subprocess.Popen,
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the tests, which then stop the brokers
            ).result()

    def _wait(self, number: int, begin: int) -> None:
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends and self._processes[number].poll() is None:
            with self.log(number).open("rb") as log:
                log.seek(begin)
                if STARTED.encode() in log.read():
                    return
            time.sleep(0.05)
        raise AssertionError(self._tail(number))

    def _storage(self, number: int) -> Path:
        return self.folder / f"broker-{number}"

    def _tail(self, number: int) -> str:
        lines = self.log(number).read_text(errors="replace").splitlines()
        return "\n".join([f"broker {number} did not come up:", *lines[-40:]])

    def _properties(self, number: int) -> Path:
        controllers = enumerate(self._ports[broker.CONTROLLER], 1)
        properties = {
            "node.id": str(number),
            "log.dirs": str(self._storage(number)),
            "controller.quorum.voters": ",".join(f"{voter}@127.0.0.1:{port}" for voter, port in controllers),
            **broker.SETTINGS,
            **broker.copies(len(self.numbers)),
            **broker.listeners({way: ports[number - 1] for way, ports in self._ports.items()}),
            **self._secure,
            **self._settings,
        }
        return broker.write(self.folder / f"broker-{number}.properties", properties)
