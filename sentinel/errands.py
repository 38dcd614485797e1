"""What a command asks of the process that has the store open: over a socket in the data dir, which only its user opens.

A question is a line of JSON; each answer is one, and is made when the asker wants it: an asker that is gone stops the
work. The console's API is not the place for this: it may be behind a login, and other machines may reach it.
"""

import asyncio
import contextlib
import functools
import json
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.exceptions import ClickHouseError

from sentinel.explained import CannotStart, explained

logger = logging.getLogger("sentinel.run")
Errand = Callable[[dict[str, Any]], Iterator[dict[str, Any]]]
"""What is asked → steps, each JSON. Closed when nobody wants more of them. May raise what `explained` explains."""
_NEXT = b"\n"
_LONGEST = 1 << 20  # bytes of a question
_PATIENCE_SECONDS = 10.0  # for who has the store open to start


@contextlib.asynccontextmanager
async def served(data_dir: Path, errands: Mapping[str, Errand]) -> AsyncIterator[None]:
    """By the holder of the store's lock."""
    path = data_dir / "store.sock"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        with _short(path) as short:
            listener.bind(short)
        path.chmod(0o600)
    except OSError as error:  # on a full disk the store has to be served all the same, to empty the spool
        logger.warning("backup and forget can't ask this process: %s", error)
        listener.close()
        yield
        return
    answering: set[asyncio.Task[None]] = set()
    answer = functools.partial(_answer, errands, answering)
    server = await asyncio.start_unix_server(answer, sock=listener, limit=_LONGEST)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)  # the store is closed next


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """A socket's name has at most 107 characters, and a data dir's may have more."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        near = f"/proc/self/fd/{folder}/{path.name}"
        yield near if Path("/proc/self/fd").exists() else str(path)
    finally:
        os.close(folder)


async def _answer(
    errands: Mapping[str, Errand],
    answering: set[asyncio.Task[None]],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """A task in `answering` until its errand is closed."""
    this = asyncio.current_task()
    assert this is not None  # a server's callback is one
    answering.add(this)
    this.add_done_callback(answering.discard)
    steps: Iterator[dict[str, Any]] = iter(())
    try:
        asked = json.loads(await reader.readline())
        steps = errands[asked["errand"]](asked)
        while await reader.readline() == _NEXT:
            step = await _whole(steps)
            writer.write(json.dumps(step).encode() + b"\n")
            await writer.drain()
    except (ValueError, LookupError, TypeError, ConnectionError) as error:
        logger.warning("a question at store.sock was given up: %r", error)
    except asyncio.CancelledError:  # by `served` only. Python 3.11 logs it as an error where it is raised on
        writer.write(json.dumps({"error": "the running csp-sentinel is being stopped: try again"}).encode() + b"\n")
    finally:
        await asyncio.to_thread(getattr(steps, "close", lambda: None))
        writer.close()


async def _whole(steps: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """A step can't be ended in its thread, and what makes the steps can't be closed before: also who stops waits."""
    step = asyncio.ensure_future(asyncio.to_thread(_step, steps))
    try:
        return await asyncio.shield(step)
    except asyncio.CancelledError:
        await asyncio.wait([step])
        raise


def _step(steps: Iterator[dict[str, Any]]) -> dict[str, Any]:
    try:
        with explained():
            return next(steps, {"end": True})
    except CannotStart as error:
        return {"error": str(error)}
    except (ClickHouseError, ValueError, LookupError) as error:
        logger.exception("what another command asked for failed")
        return {"error": f"the running csp-sentinel failed ({type(error).__name__}); see its log"}


def _connect(link: socket.socket, path: Path) -> None:
    ends = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            with _short(path) as short:
                return link.connect(short)
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.1)


def ask_holder(data_dir: Path, errand: str, **what: Any) -> Generator[dict[str, Any], None, None]:
    """The steps. Raises CannotStart."""
    try:
        with contextlib.ExitStack() as stack:
            link = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            _connect(link, data_dir / "store.sock")
            file = stack.enter_context(link.makefile("rwb"))
            file.write(json.dumps({"errand": errand, **what}).encode() + b"\n")
            while True:
                file.write(_NEXT)
                file.flush()
                if not (line := file.readline()):
                    raise CannotStart("the csp-sentinel that has the store open ended before it was done: try again")
                step = json.loads(line)
                if "error" in step:
                    raise CannotStart(step["error"])
                if "end" in step:
                    return
                yield step
    except (OSError, ValueError) as error:  # also of closing what was not sent
        raise CannotStart(
            f"another process has the store in {data_dir} open, and gives no answer ({error}): "
            "if it is a command, wait for its end; if it is an older `csp-sentinel run`, start that again"
        ) from error
