"""A page's questions, two at a time: the store answers two on two cores."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from clickhouse_connect.driver.client import Client

from dashboards.clients import Busy, Clients

_AT_ONCE = 0.001  # s
Answer = TypeVar("Answer")


class Questions:
    """Taken in the order they were put, by whoever is free: the asker, and a thread beside it with a client of its own.

    So neither waits for the other before the last one: those that take longest come first. Where no client is free the
    asker takes all, so that two pages that have one client each never wait for each other.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._left = deque[Callable[[Client], None]]()
        self._error: BaseException | None = None  # of the thread

    def put(self, question: Callable[[Client], Answer]) -> Future[Answer]:
        """Its result is there after `ask`."""
        found: Future[Answer] = Future()
        self._left.append(lambda client: found.set_result(question(client)))
        return found

    def ask(self, client: Client) -> None:
        """Raises what a question raised; those that were not taken yet are not asked then."""
        thread = threading.Thread(target=self._beside, name="questions", daemon=True)
        thread.start()
        try:
            self._take(client)
        finally:
            thread.join()
        if self._error is not None:
            raise self._error

    def _beside(self) -> None:
        try:
            with self._clients.lend(_AT_ONCE) as client:
                self._take(client)
        except Busy:
            return
        except BaseException as error:  # noqa: BLE001  (told to who asked)
            self._error = error

    def _take(self, client: Client) -> None:
        while True:
            try:
                question = self._left.popleft()
            except IndexError:
                return
            try:
                question(client)
            except BaseException:
                self._left.clear()
                raise
