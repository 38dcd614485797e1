"""Connections on which nothing comes any more, found among this process's files: granian leaves some of them open.

It has no timer for one that has sent nothing yet, or only what HTTP/2 could begin with, nor for one of HTTP/2 between
two requests; and while such a one is open it doesn't stop. Linux alone tells when something came last (TCP_INFO).
"""

import contextlib
import os
import socket
import struct
from pathlib import Path

_OPEN_FILES = Path("/proc/self/fd")
_LAST_CAME = struct.Struct("=52xI")  # tcpi_last_data_recv, ms; of one that never sent anything, since it was opened


def end_silent(port: int, seconds: float) -> None:
    """Those to `port` on which nothing has come for so long; all of them with 0."""
    if not hasattr(socket, "TCP_INFO"):
        return
    with contextlib.suppress(OSError):
        for file in _OPEN_FILES.iterdir():
            with contextlib.suppress(OSError), _copy(int(file.name)) as connection:  # it may be none, or closed by now
                if connection.getsockname()[1:2] == (port,) and _silence(connection) >= seconds:
                    connection.shutdown(socket.SHUT_RDWR)


def _copy(descriptor: int) -> socket.socket:
    """So that it is the same connection that is looked at and ended. Raises OSError where it is no socket."""
    copy = os.dup(descriptor)
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise


def _silence(connection: socket.socket) -> float:
    """In s. Raises OSError for a listener, and what isn't TCP."""
    connection.getpeername()
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_CAME.size)
    return float(_LAST_CAME.unpack(info)[0]) / 1000
