"""Ports that nobody listens on."""

import contextlib
import random
import socket


def free_ports(count: int, first: int | None = None) -> list[int]:
    """From `first` upwards, or anywhere below those that Linux gives to outgoing connections.

    A client that tries again and again to reach a dead server would otherwise get its port, and talk to itself.
    """
    found: list[int] = []
    candidates = iter(range(first, first + 100)) if first else iter(random.sample(range(20_000, 32_000), 100))
    while len(found) < count:
        port = next(candidates)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
            probe.bind(("127.0.0.1", port))
            found.append(port)
    return found


def free_port() -> int:
    return free_ports(1)[0]
