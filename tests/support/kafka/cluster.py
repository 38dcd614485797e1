"""A real Kafka of one broker or three on this machine, whose brokers can be killed, frozen and started again."""

import contextlib
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from tests.support.kafka import jars

# C1 alone and the serial collector start quickest; a quiet broker lives in 80 MB of heap.
JAVA = [
    "java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",  # 300 settings at each start
]  # fmt: skip
CLUSTER_ID = "Q1NQLVNlbnRpbmVsLXRlcw"  # 16 bytes, as a URL's base64
STARTED = "Kafka Server started"  # logged once the broker is unfenced and takes requests
START_SECONDS = 60


class Cluster:
    """Brokers 1 to `brokers`, each a controller too, with their logs (the topics', and `broker-N.log`) in `folder`.

    `settings` are a broker's, such as {"auto.create.topics.enable": "true"}. Methods block: inside an event loop they
    want `asyncio.to_thread`.
    """

    def __init__(
        self,
        folder: Path,
        brokers: int = 1,
        *,
        settings: Mapping[str, str] | None = None,
        first_port: int | None = None,
    ) -> None:
        self.folder = folder
        self._numbers = range(1, brokers + 1)
        self._libs = jars.fetch()
        ports = free_ports(2 * brokers, first_port)
        self._ports = dict(zip(self._numbers, ports[:brokers], strict=True))
        self._controllers = dict(zip(self._numbers, ports[brokers:], strict=True))
        self._settings = dict(settings or {})
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        # A parent-death signal comes when the *thread* that started the process ends: so one thread starts them all.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="kafka")

    @property
    def bootstrap(self) -> str:
        """host:port,host:port of every broker, up or not."""
        return ",".join(f"127.0.0.1:{port}" for port in self._ports.values())

    def __enter__(self) -> Self:
        try:
            self._format()
            self.start(*self._numbers)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, *numbers: int) -> None:
        """These brokers, with the ports and logs they had; returns when they take requests."""
        begins = {}
        for number in numbers:
            log = self._log(number)
            begins[number] = log.stat().st_size if log.exists() else 0
            self._processes[number] = self._launch(number, "kafka.Kafka", self._properties(number))
        for number, begin in begins.items():
            self._wait(number, begin)

    def kill(self, number: int) -> None:
        """SIGKILL: no goodbye, and what the page cache holds stays."""
        self._processes[number].kill()
        self._processes[number].wait()

    def freeze(self, number: int) -> None:
        self._processes[number].send_signal(signal.SIGSTOP)

    def thaw(self, number: int) -> None:
        self._processes[number].send_signal(signal.SIGCONT)

    def stop(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()
        self._starter.shutdown()

    def _format(self) -> None:
        """All at once: most of the 1.2 s each takes is the JVM's start."""
        arguments = ["format", "--cluster-id", CLUSTER_ID, "--config"]
        formats = {
            number: self._launch(number, "kafka.tools.StorageTool", *arguments, self._properties(number))
            for number in self._numbers
            if not (self._home(number) / "meta.properties").exists()
        }
        for number, process in formats.items():
            if process.wait(START_SECONDS):
                raise AssertionError(self._tail(number))

    def _launch(self, number: int, *arguments: str | Path) -> subprocess.Popen[bytes]:
        command = ["setpriv", "--pdeathsig", "KILL", *JAVA, "-cp", f"{self._libs}/*", *arguments]
        with self._log(number).open("ab") as log:
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
            with self._log(number).open(errors="replace") as log:
                log.seek(begin)
                if STARTED in log.read():
                    return
            time.sleep(0.05)
        raise AssertionError(self._tail(number))

    def _home(self, number: int) -> Path:
        return self.folder / f"broker-{number}"

    def _log(self, number: int) -> Path:
        return self.folder / f"broker-{number}.log"

    def _tail(self, number: int) -> str:
        lines = self._log(number).read_text(errors="replace").splitlines()
        return "\n".join([f"broker {number} did not come up:", *lines[-40:]])

    def _properties(self, number: int) -> Path:
        copies = str(min(3, len(self._numbers)))
        enough = str(min(2, len(self._numbers)))
        voters = ",".join(f"{voter}@127.0.0.1:{port}" for voter, port in self._controllers.items())
        properties = {
            "process.roles": "broker,controller",
            "node.id": str(number),
            "log.dirs": str(self._home(number)),
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://127.0.0.1:{self._ports[number]},CONTROLLER://127.0.0.1:{self._controllers[number]}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": enough,
            "offsets.topic.num.partitions": "3",
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.num.partitions": "3",
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": enough,
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            # A dead broker is known to be dead after 3 s instead of 9.
            "broker.heartbeat.interval.ms": "500",
            "broker.session.timeout.ms": "3000",
            "log.initial.task.delay.ms": "1000",
            "log.retention.check.interval.ms": "1000",
            "log.segment.delete.delay.ms": "1000",
            "log.cleaner.dedupe.buffer.size": "4194304",  # the default takes 128 MB of heap
        }
        path = self.folder / f"broker-{number}.properties"
        path.write_text("".join(f"{name}={value}\n" for name, value in (properties | self._settings).items()))
        return path


def free_ports(count: int, first: int | None = None) -> list[int]:
    """Ports nobody listens on: from `first` upwards, or anywhere below those that Linux gives to outgoing connections.

    A client that tries again and again to reach a dead broker would otherwise get its port, and talk to itself.
    """
    found: list[int] = []
    candidates = iter(range(first, first + 100)) if first else iter(random.sample(range(20_000, 32_000), 100))
    while len(found) < count:
        port = next(candidates)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the broker does
            probe.bind(("127.0.0.1", port))
            found.append(port)
    return found
