"""Two halves of a page at once: the store answers two questions on two cores."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from clickhouse_connect.driver.client import Client

from dashboards.clients import Busy, Clients

_AT_ONCE = 0.001  # s
Answer = TypeVar("Answer")


class Beside(Generic[Answer]):
    """A question asked in a thread of its own, with a client of its own.

    Where no client is free it is asked when its answer is wanted, with the asker's: so two pages that have one client
    each never wait for each other.
    """

    def __init__(self, clients: Clients, question: Callable[[Client], Answer]) -> None:
        self._clients = clients
        self._question = question
        self._found: Future[Answer] = Future()
        self._thread = threading.Thread(target=self._asked, name="question", daemon=True)
        self._thread.start()

    def _asked(self) -> None:
        try:
            with self._clients.lend(_AT_ONCE) as client:
                self._found.set_result(self._question(client))
        except BaseException as error:  # noqa: BLE001  (told to who asked)
            self._found.set_exception(error)

    def answer(self, client: Client) -> Answer:
        self._thread.join()
        try:
            return self._found.result()
        except Busy:
            return self._question(client)
