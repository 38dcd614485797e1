"""What another command asks of the process that has the store open ends in order, also where that process stops."""

import asyncio
import socket
import threading

import pytest

from sentinel.errands import ask_holder, served
from sentinel.explained import CannotStart


class Slow:
    """An errand of two steps; the second goes on until it may end."""

    def __init__(self) -> None:
        self.runs, self.may_end, self.told = threading.Event(), threading.Event(), []

    def __call__(self, _asked):
        try:
            yield {"step": 1}
            self.runs.set()
            self.may_end.wait(30)
            self.told.append("ran")
            yield {"step": 2}
        finally:
            self.told.append("closed")


def test_where_who_was_asked_is_killed_it_is_to_be_tried_again(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "store.sock"))
        listener.listen()

        def die() -> None:
            with listener.accept()[0] as connection:
                connection.recv(1000)

        killed = threading.Thread(target=die)
        killed.start()
        with pytest.raises(CannotStart, match="try again"):
            next(ask_holder(tmp_path, "forget"))
        killed.join()


@pytest.mark.parametrize("in_a_step", [True, False])
def test_who_stops_waits_for_the_step_that_runs_and_closes_the_errand(tmp_path, in_a_step):
    asyncio.run(_stops(tmp_path, in_a_step))


async def _stops(tmp_path, in_a_step):
    slow, has_first = Slow(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        for _ in ask_holder(tmp_path, "slow"):
            loop.call_soon_threadsafe(has_first.set)
            if not in_a_step:
                slow.may_end.wait(30)

    async with served(tmp_path, {"slow": slow}):
        asking = asyncio.create_task(asyncio.to_thread(ask))
        await has_first.wait()
        if in_a_step:
            await asyncio.to_thread(slow.runs.wait, 30)
            loop.call_later(0.1, slow.may_end.set)
    assert slow.told == (["ran", "closed"] if in_a_step else ["closed"])
    slow.may_end.set()
    with pytest.raises(CannotStart):
        await asking
