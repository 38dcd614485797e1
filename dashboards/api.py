"""The read API: each path's parameters, and the question it asks."""

import itertools
from collections.abc import Callable, Generator
from typing import Any

import msgspec
from clickhouse_connect.driver.client import Client
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards import (
    alerts,
    counts,
    cursors,
    export,
    filters,
    groups,
    ledger,
    policies,
    rejects,
    series,
    sources,
    violations,
)
from dashboards.clients import Clients
from dashboards.params import Parameters
from dashboards.streams import Stream

Lag = Callable[[], float | None]
DEFAULT_LIMIT = 100
_Answer = Callable[[Client, Request, Parameters], Any]


class Api:
    """Endpoints are plain functions: Starlette runs them in threads, so a question never holds up the loop."""

    def __init__(self, clients: Clients, exports: Clients, lag: Lag) -> None:
        self._clients = clients
        self._exports = exports
        self._lag = lag

    def routes(self) -> list[Route]:
        return [
            self._route("totals", self._totals),
            self._route("violations", self._violations, "limit", "cursor"),
            self._route("violations/{fingerprint}", self._violation),
            self._route("groups", self._groups, "limit", "cursor"),
            self._route("series", self._series, "by", "step"),
            self._route("top", self._top, "by", "limit"),
            self._route("ledger", self._ledger, "limit"),
            self._route("sources", self._sources, "state", "trust", "limit", "cursor"),
            self._route("policies", self._policies, "site", "limit", "cursor", filtered=False),
            self._route("policies/{hash}", self._policy, filtered=False),
            self._route("alerts", self._alerts, *alerts.PARAMETERS, filtered=False),
            self._route("rejects", self._rejects, "site", "reason", "limit", filtered=False),
            Route("/api/export", self._export, methods=["GET"]),
        ]

    def _route(self, path: str, answer: _Answer, *own: str, filtered: bool = True) -> Route:
        known = (*filters.NAMES, *own) if filtered else own

        def endpoint(request: Request) -> Response:
            given = Parameters(request.scope["query_string"], known)
            with self._clients.lend() as client:
                return Response(msgspec.json.encode(answer(client, request, given)), media_type="application/json")

        return Route(f"/api/{path}", endpoint, methods=["GET"])

    def _totals(self, client: Client, _request: Request, given: Parameters) -> Any:
        return counts.totals(client, filters.read(given), self._lag())

    def _violations(self, client: Client, _request: Request, given: Parameters) -> Any:
        cursor = given.text("cursor")
        place = None if cursor is None else cursors.read(cursor, violations.Cursor)
        limit = given.whole("limit", 1, 1000) or DEFAULT_LIMIT
        return violations.biggest(client, filters.read(given), limit, place)

    def _violation(self, client: Client, request: Request, given: Parameters) -> Any:
        return found(client, request, given)

    def _groups(self, client: Client, _request: Request, given: Parameters) -> Any:
        cursor = given.text("cursor")
        place = None if cursor is None else cursors.read(cursor, groups.Cursor)
        return groups.biggest(client, filters.read(given), given.whole("limit", 1, 1000) or DEFAULT_LIMIT, place)

    def _series(self, client: Client, _request: Request, given: Parameters) -> Any:
        by = given.one_of("by", series.BY) or ""
        step = given.whole("step", series.LEAST_STEP, series.MOST_STEP)
        return series.over_time(client, filters.read(given), by, step)

    def _top(self, client: Client, _request: Request, given: Parameters) -> Any:
        by = given.one_of("by", counts.BY) or ""
        return counts.top(client, filters.read(given), by, given.whole("limit", 1, 10_000) or DEFAULT_LIMIT)

    def _ledger(self, client: Client, _request: Request, given: Parameters) -> Any:
        return ledger.ledger(client, filters.read(given), given.whole("limit", 1, 10_000) or 1000)

    def _sources(self, client: Client, _request: Request, given: Parameters) -> Any:
        cursor = given.text("cursor")
        place = None if cursor is None else cursors.read(cursor, sources.Cursor)
        state = given.one_of("state", sources.STATES) or ""
        limit = given.whole("limit", 1, 1000) or DEFAULT_LIMIT
        least = given.whole("trust", 0, 100) or 0
        return sources.sources(client, filters.read(given), state, limit, place, least)

    def _policies(self, client: Client, _request: Request, given: Parameters) -> Any:
        cursor = given.text("cursor")
        place = None if cursor is None else cursors.read(cursor, policies.Cursor)
        limit = given.whole("limit", 1, 1000) or DEFAULT_LIMIT
        return policies.listed(client, filters.read(given).site, limit, place)

    def _policy(self, client: Client, request: Request, _given: Parameters) -> Any:
        one = policies.one(client, request.path_params["hash"])
        if one is None:
            raise HTTPException(404, "No report had a policy with this hash.")
        return one

    def _rejects(self, client: Client, _request: Request, given: Parameters) -> Any:
        """A refused report has no directive and no window, so the other filters are none here."""
        reason = given.one_of("reason", rejects.REASONS)
        limit = given.whole("limit", 1, 1000) or DEFAULT_LIMIT
        return {"items": rejects.newest(client, filters.read(given).site, reason, limit)}

    def _alerts(self, client: Client, _request: Request, given: Parameters) -> Any:
        cursor = given.text("cursor")
        place = None if cursor is None else cursors.read(cursor, alerts.Cursor)
        limit = given.whole("limit", 1, 1000) or DEFAULT_LIMIT
        return alerts.newest(client, *alerts.chosen(given), limit, place)

    def _export(self, request: Request) -> Response:
        given = Parameters(request.scope["query_string"], (*filters.NAMES, "format"))
        form = given.one_of("format", export.FORMATS) or "ndjson"
        name = {"Content-Disposition": f'attachment; filename="csp-violations.{form}"'}
        pieces = self._pieces(filters.read(given), form)
        if request.method == "HEAD":
            return Response(headers=name, media_type=export.FORMATS[form])
        # The first piece is made before the answer starts, so that what goes wrong can still be told.
        whole = itertools.chain([next(pieces, b"")], pieces)
        return Stream(whole, pieces.close, headers=name, media_type=export.FORMATS[form])

    def _pieces(self, selected: filters.Filters, form: str) -> Generator[bytes, None, None]:
        with self._exports.lend() as client:
            yield from export.export(client, selected, form)


def found(client: Client, request: Request, given: Parameters) -> dict[str, Any]:
    """The violation the address names. Raises HTTPException (404)."""
    asked = filters.read(given)
    fingerprint = request.path_params["fingerprint"].lower()
    one = None
    if violations.FINGERPRINT.fullmatch(fingerprint):
        one = violations.one(client, asked, fingerprint)
    if one is None:
        raise HTTPException(404, "No violation has this fingerprint, or none in this period and with these filters.")
    return one
