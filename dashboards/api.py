"""The read API: each path's parameters, and the question it asks."""

import itertools
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import msgspec
from clickhouse_connect.driver.client import Client
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboards import (
    alerts,
    answers,
    counts,
    cursors,
    export,
    filters,
    groups,
    ledger,
    other_answers,
    policies,
    rejects,
    series,
    sources,
    violations,
)
from dashboards.clients import Clients
from dashboards.openapi import JSON, Described, Operation
from dashboards.parameters import CURSOR, Choice, Parameter, Text, Whole, limit
from dashboards.query_string import Parameters
from dashboards.rows import FIELDS
from dashboards.streams import Stream
from schema.source_states import STATES

Lag = Callable[[], float | None]
_T = TypeVar("_T")
_Answer = Callable[[Client, Request, Parameters], Any]

_LIMIT, _MANY, _MINUTES = limit(100, 1000), limit(100, 10_000), limit(1000, 10_000)
_SERIES_BY = Choice("by", series.BY, "What the counts are split by; empty: nothing.")
_TOP_BY = Choice("by", counts.BY, "Of what; empty: of everything together.")
_STEP = Whole(
    "step", series.LEAST_STEP, series.MOST_STEP, 0, "Seconds, rounded up to what is known; default: by period."
)
_STATE = Choice("state", STATES, "What was decided about them; default: any.")
_TRUST = Whole("trust", 0, 100, 0, "Those with at least this trust.")
_REASON = Choice("reason", rejects.REASONS, "Why it was refused.")
_FORMAT = Choice("format", export.FORMATS, "Of the file; default: ndjson.")
_EXPORT = (*filters.PARAMETERS, _FORMAT)
_FINGERPRINT = Text("fingerprint", "32 hexadecimal digits, in any case.", "^[0-9A-Fa-f]{32}$")
_HASH = Text("hash", "`policy_hash` of a violation.", f"^{policies.HASH.pattern}$")


class Api:
    """Endpoints are plain functions: Starlette runs them in threads, so a question never holds up the loop."""

    def __init__(self, clients: Clients, exports: Clients, lag: Lag) -> None:
        self._clients = clients
        self._exports = exports
        self._lag = lag

    def routes(self) -> list[Route]:
        question = self._question
        return [
            question("totals", self._totals, answers.Totals, "How much there is, and how far the store is behind."),
            question("violations", self._violations, answers.Violations, "The violations, biggest first.",
                     _LIMIT, CURSOR),
            question("violations/{fingerprint}", violations.at_address, answers.OneViolation,
                     "One, with its series, browsers, policies and an example.", of_path=_FINGERPRINT),
            question("groups", self._groups, answers.Groups,
                     "Violations that differ only in numbers, ids, lines or browsers as one; biggest first.",
                     _LIMIT, CURSOR),
            question("series", self._series, answers.Series, "Counts over time.", _SERIES_BY, _STEP),
            question("top", self._top, answers.Top, "What there is most of.", _TOP_BY, _MANY),
            question("ledger", self._ledger, answers.Ledger, "Where every report went; the newest site-minutes.",
                     _MINUTES),
            question("sources", self._sources, answers.Sources,
                     "Who was blocked: the trusted ones first, then the newest.", _STATE, _TRUST, _LIMIT, CURSOR),
            question("policies", self._policies, other_answers.Policies,
                     "The policies that reports carry, newest first.",
                     filters.SITE, _LIMIT, CURSOR, filtered=False),
            question("policies/{hash}", self._policy, other_answers.OnePolicy,
                     "One, with its sites and what it blocks.",
                     filtered=False, of_path=_HASH),
            question("alerts", self._alerts, other_answers.Alerts,
                     "What was found new, and who was told; newest first.",
                     alerts.KIND, filters.SITE, _LIMIT, CURSOR, filtered=False),
            question("rejects", self._rejects, other_answers.Rejects,
                     "What was refused or not readable, newest first.",
                     filters.SITE, _REASON, _LIMIT, CURSOR, filtered=False),
            Described("/api/export", self._export, Operation("The rows, as a file.", export.FORMATS.values(), _EXPORT)),
        ]  # fmt: skip

    def _question(
        self, path: str, answer: _Answer, shape: type, summary: str, *own: Parameter, filtered: bool = True,
        of_path: Text | None = None,
    ) -> Route:  # fmt: skip
        parameters = (*filters.PARAMETERS, *own) if filtered else own
        known = [parameter.name for parameter in parameters]

        def endpoint(request: Request) -> Response:
            given = Parameters(request.scope["query_string"], known)
            with self._clients.lend() as client:
                return Response(msgspec.json.encode(answer(client, request, given)), media_type=JSON)

        named = (of_path,) if of_path else ()
        return Described(
            f"/api/{path}", endpoint, Operation(summary, shape, parameters, named, problems=(404,) if named else ())
        )

    def _totals(self, client: Client, _request: Request, given: Parameters) -> Any:
        return counts.totals(client, filters.read(given), self._lag())

    def _violations(self, client: Client, _request: Request, given: Parameters) -> Any:
        place = _place(given, violations.Cursor)
        limit = _LIMIT.read(given)
        return violations.biggest(client, filters.read(given), limit, place, FIELDS)

    def _groups(self, client: Client, _request: Request, given: Parameters) -> Any:
        place = _place(given, groups.Cursor)
        return groups.biggest(client, filters.read(given), _LIMIT.read(given), place)

    def _series(self, client: Client, _request: Request, given: Parameters) -> Any:
        by = _SERIES_BY.read(given) or ""
        return series.over_time(client, filters.read(given), by, _STEP.read(given) or None)

    def _top(self, client: Client, _request: Request, given: Parameters) -> Any:
        by = _TOP_BY.read(given) or ""
        return counts.top(client, filters.read(given), by, _MANY.read(given))

    def _ledger(self, client: Client, _request: Request, given: Parameters) -> Any:
        return ledger.ledger(client, filters.read(given), _MINUTES.read(given))

    def _sources(self, client: Client, _request: Request, given: Parameters) -> Any:
        place = _place(given, sources.Cursor)
        state = _STATE.read(given) or ""
        limit = _LIMIT.read(given)
        least = _TRUST.read(given)
        return sources.sources(client, filters.read(given), state, limit, place, least)

    def _policies(self, client: Client, _request: Request, given: Parameters) -> Any:
        place = _place(given, policies.Cursor)
        limit = _LIMIT.read(given)
        return policies.listed(client, filters.read(given).site, limit, place)

    def _policy(self, client: Client, request: Request, _given: Parameters) -> Any:
        one = policies.one(client, request.path_params["hash"])
        if one is None:
            raise HTTPException(404, "No report had a policy with this hash.")
        return one

    def _rejects(self, client: Client, _request: Request, given: Parameters) -> Any:
        """A refused report has no directive and no window, so the other filters are none here."""
        place = _place(given, rejects.Cursor)
        reason = _REASON.read(given)
        limit = _LIMIT.read(given)
        return rejects.newest(client, filters.read(given).site, reason, limit, place)

    def _alerts(self, client: Client, _request: Request, given: Parameters) -> Any:
        place = _place(given, alerts.Cursor)
        limit = _LIMIT.read(given)
        return alerts.newest(client, *alerts.chosen(given), limit, place)

    def _export(self, request: Request) -> Response:
        given = Parameters(request.scope["query_string"], [parameter.name for parameter in _EXPORT])
        form = _FORMAT.read(given) or "ndjson"
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


def _place(given: Parameters, kind: type[_T]) -> _T | None:
    """Where the page before ended; None of the first. Raises BadParameter."""
    cursor = CURSOR.read(given)
    return None if cursor is None else cursors.read(cursor, kind)
