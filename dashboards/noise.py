"""Noise rules in the console: what a rule says, and labelling again what is stored."""

import itertools
from collections.abc import Callable, Generator, Iterator
from threading import Lock
from typing import Any

import msgspec
from clickhouse_connect.driver.exceptions import ClickHouseError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards.access.changes import json_change
from dashboards.access.visitor import Visitor
from dashboards.openapi import Described, Operation
from dashboards.streams import Stream
from schema.noise import BadRules

Apply = Callable[[str | None], Iterator[dict[str, Any]]]
"""The text of a rules file, or None for those in use → steps, the last of them with "done". Raises BadRules."""


_NDJSON = "application/x-ndjson"


class _Asked(msgspec.Struct, forbid_unknown_fields=True):
    rules: str | None = None


_APPLIES = Operation(
    "Labels what is stored by changed noise rules; NDJSON, a line a step.", [_NDJSON], body=_Asked, problems=(409,)
)


class Applying:
    """One at a time: two would move the same count."""

    def __init__(self, apply: Apply) -> None:
        self._apply = apply
        self._at_work = Lock()

    def routes(self) -> list[Route]:
        return [Described("/api/noise/apply", json_change(self._change), _APPLIES, "POST")]

    def _change(self, _request: Request, _visitor: Visitor, said: Any) -> Response:
        """NDJSON, a line a step. Who hangs up stops it after the batch under way."""
        lines = self._lines(_read(said).rules)
        # The first step is made before the answer starts, so that what goes wrong can still be told.
        whole = itertools.chain([next(lines, b"")], lines)
        return Stream(whole, lines.close, media_type=_NDJSON)

    def _lines(self, rules: str | None) -> Generator[bytes, None, None]:
        if not self._at_work.acquire(blocking=False):
            raise HTTPException(409, "Noise rules are being applied already; wait for the end of that.")
        try:
            yield from self._steps(rules)
        finally:
            self._at_work.release()

    def _steps(self, rules: str | None) -> Iterator[bytes]:
        try:
            for step in self._apply(rules):
                yield msgspec.json.encode(step) + b"\n"
        except BadRules as error:
            raise HTTPException(400, str(error)) from error
        except ClickHouseError as error:
            yield msgspec.json.encode({"error": f"the store can't be used ({_why(error)})"}) + b"\n"


def _why(error: ClickHouseError) -> str:
    """Without its words: they may quote what a report says."""
    name = getattr(error, "name", None) or type(error).__name__
    code = getattr(error, "code", None)
    return name if code is None else f"error {code}, {name}"


def _read(said: Any) -> _Asked:
    try:
        return msgspec.convert(said or {}, _Asked)
    except msgspec.ValidationError as error:
        raise HTTPException(400, f'The body is {{"rules": text of a rules file, or null}}: {error}.') from error
