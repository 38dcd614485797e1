"""The requests that decide about sources: the console's form, and the API's."""

import contextlib
from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from dashboards import decisions, other_answers
from dashboards.access.changes import Form, form_change, json_change
from dashboards.access.next_page import local
from dashboards.access.visitor import Visitor
from dashboards.decisions import Decided, Decision
from dashboards.openapi import Described, Operation
from dashboards.query_string import BadParameter
from dashboards.source_filters import Key
from schema.store import Store

_DECIDES = Operation("Decides about sources: known, ignored, or new again.", other_answers.Decided, body=Decision)


class Deciding:
    """With a client of its own for each: those of the questions may only read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def routes(self) -> list[Route]:
        return [
            Route("/sources", form_change(self._form), methods=["POST"]),
            Described("/api/sources/state", json_change(self._json), _DECIDES, "POST"),
        ]

    def _form(self, _request: Request, visitor: Visitor, form: Form) -> Response:
        if unknown := form.keys() - {"state", "source", "note", "back"}:
            raise BadParameter(f"The form has no field {min(unknown)[:60]!r}.")
        keys = decisions.keys_of(form.get("source", []))
        self._decide(visitor, _one(form, "state"), keys, _one(form, "note"))
        back = local(_one(form, "back"))
        return RedirectResponse("/sources" if back == "/" else back, 303)

    def _json(self, _request: Request, visitor: Visitor, said: object) -> Response:
        answer = self._decide(visitor, *decisions.read(said))
        return Response(msgspec.json.encode(answer._asdict()), media_type="application/json")

    def _decide(self, visitor: Visitor, state: str, keys: Sequence[Key], note: str) -> Decided:
        with contextlib.closing(self._store.client()) as client:
            return decisions.decide(client, state, keys, note, visitor.name)


def _one(form: Form, name: str) -> str:
    values = form.get(name, [])
    if len(values) > 1:
        raise BadParameter(f"{name} is given more than once; give it once.")
    return values[0] if values else ""
