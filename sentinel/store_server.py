"""A ClickHouse server as a stage sees it: whether it can be used, and why not."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from threading import Event

from clickhouse_connect.driver.exceptions import ClickHouseError

from processor.troubles import trouble_of
from schema.health import Health
from schema.migrate import NewerStore
from schema.places import ClickHousePlace
from schema.server import Server
from schema.store import TablesMissing, WrongCluster
from schema.tables import check
from sentinel.explained import CannotStart
from sentinel.watching import longer, rest, tell

SERVER = "server"  # in the health; what an insert meets is the processor's to tell
_ANSWER_SECONDS = 10.0
_FIRST_PAUSE = 0.25

_Trouble = ClickHouseError | OSError | TablesMissing | NewerStore | WrongCluster
_TROUBLES = (ClickHouseError, OSError, TablesMissing, NewerStore, WrongCluster)


@contextlib.contextmanager
def explaining_server(place: ClickHousePlace) -> Iterator[None]:
    """For a command that asks once: raises CannotStart with a sentence."""
    try:
        yield
    except ClickHouseError as error:
        raise CannotStart(_sentence(place, error)) from error


async def until_usable(server: Server, health: Health, stop: Event) -> None:
    """Until it answers and has the tables, or `stop` is set. What it lacks is said, and looked at again.

    Raises NewerStore, WrongCluster.
    """
    pause = _FIRST_PAUSE
    while not stop.is_set():
        trouble = await _ask(server)
        if isinstance(trouble, NewerStore | WrongCluster):
            raise trouble
        tell(SERVER, _sentence(server.place, trouble), health)
        if trouble is None:
            return
        await rest(pause)
        pause = longer(pause)


async def trouble_with_store(server: Server) -> str:
    """A sentence, or "". Newer tables are none while one runs: a newer version is being rolled out."""
    trouble = await _ask(server)
    return "" if isinstance(trouble, NewerStore) else _sentence(server.place, trouble)


async def _ask(server: Server) -> _Trouble | None:
    """Not in `asyncio.to_thread`: at its end the program would wait for a thread that waits for a store that hangs."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[_Trouble | None] = loop.create_future()

    def take(found: _Trouble | None) -> None:
        if not answer.done():
            answer.set_result(found)

    def ask() -> None:
        found: _Trouble | None = None
        try:
            check(server)
        except _TROUBLES as error:
            found = error
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(take, found)

    threading.Thread(target=ask, name="ask the store", daemon=True).start()
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await answer
    except TimeoutError:
        return TimeoutError(f"no answer for {_ANSWER_SECONDS:.0f} s")


def _sentence(place: ClickHousePlace, error: _Trouble | None) -> str:
    """Empty where there is none."""
    if error is None:
        return ""
    if isinstance(error, TablesMissing | NewerStore | WrongCluster):
        return str(error)
    where = f"ClickHouse at {f'[{place.host}]' if ':' in place.host else place.host}:{place.port}"
    code = getattr(error, "code", None)
    if code is None:
        return f"{where} can't be reached: {_innermost(error)}"
    if trouble_of(error).name == "login":
        return f"{where} refuses the user {place.user}: see user and password in SENTINEL_STORE (code {code})"
    return f"{where} can't be used: {_said(error)}"


def _innermost(error: BaseException) -> str:
    """Libraries wrap what the system said four times."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(error)[:200] or type(error).__name__


def _said(error: BaseException) -> str:
    """ClickHouse's own words: between "DB::Exception:" and its name for the code."""
    _, _, words = str(error).rpartition("DB::Exception: ")
    return words.partition("\n")[0].partition(" (version ")[0][:300]
