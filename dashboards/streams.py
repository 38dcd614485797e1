"""Answers that are made while they are sent."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from clickhouse_connect.driver.exceptions import DatabaseError
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

logger = logging.getLogger("sentinel.console")


class Stream(StreamingResponse):
    """Ends without its end where the store fails: the server cuts the connection, so that nobody takes it for whole.

    `close` gives the store's client back, also when the reader has gone away in the middle.
    """

    def __init__(self, pieces: Iterator[bytes], close: Callable[[], None], **described: Any) -> None:
        super().__init__(pieces, **described)
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await run_in_threadpool(self._close)

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        except DatabaseError as error:
            logger.error("an export was cut off: %s (%s)", error.name, error.code)
