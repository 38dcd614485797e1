"""What is set and what is asked: settings in the environment; query strings, cursors and bodies of the API."""

import contextlib

from starlette.exceptions import HTTPException

from dashboards import alerts, counts, cursors, decisions, export, filters, groups, policies, rejects, series, sources
from dashboards import violations as listed
from dashboards.access.changes import read_json
from dashboards.query_string import BadParameter, Parameters
from schema.source_states import STATES
from sentinel.names import PREFIX, SECRET
from sentinel.settings import SAYS, WrongSetting, read, render
from tests.fuzz.pieces import BETWEEN, text

_FIELDS = list(SAYS)
_SHORTEST_SECRET = 12
_LONGEST_SENTENCE = 1000
_OWN = ("limit", "cursor", "by", "step", "state", "trust", "kind", "reason", "format")
_CURSORS = (
    listed.Cursor, listed.NewestCursor, groups.Cursor, sources.Cursor, sources.Key, policies.Cursor, alerts.Cursor,
    rejects.Cursor,
)  # fmt: skip


def settings(data: bytes) -> None:
    """Pieces of a byte that says which and its text: settings, or one printable sentence without a secret."""
    given = {_FIELDS[(piece[0] if piece else 0) % len(_FIELDS)]: text(piece[1:]) for piece in data.split(BETWEEN)}
    environ = {PREFIX + field.upper(): value for field, value in given.items()}
    secret = SECRET - {"webhooks"}  # of which a part is said
    secrets = [given[field] for field in secret if len(given.get(field, "")) >= _SHORTEST_SECRET]
    said = _said(environ)
    others = [value for field, value in given.items() if field not in secret]
    if told := [one for one in secrets if one in said and not any(one in other for other in others)]:
        # What would be said without it, an example for another setting perhaps, is no secret told.
        anyway = _said({name: value for name, value in environ.items() if value not in secrets}) + _said({})
        assert all(one in anyway for one in told)


def _said(environ: dict[str, str]) -> str:
    try:
        return render(*read(environ, None, {}))
    except WrongSetting as error:
        sentence = str(error)
        assert sentence.isprintable()
        assert len(sentence) <= _LONGEST_SENTENCE
        return sentence


def question(data: bytes) -> None:
    """A query string: filters the store can bind, or one sentence of what is wrong."""
    with contextlib.suppress(BadParameter):
        _filters(Parameters(data, (*filters.NAMES, *_OWN)))


def _filters(given: Parameters) -> None:
    for name, allowed in {"by": counts.BY, "state": STATES, "kind": ("", *alerts.KINDS),
                          "reason": rejects.REASONS, "format": export.FORMATS}.items():  # fmt: skip
        assert given.one_of(name, allowed) in (None, *allowed)
    for name, least, most in (("limit", 1, 1000), ("step", series.LEAST_STEP, series.MOST_STEP), ("trust", 0, 100)):
        assert (found := given.whole(name, least, most)) is None or least <= found <= most
    found = filters.read(given)
    assert len(found.words) <= filters.MOST_WORDS
    assert all(0 <= time < 2**32 for time in (found.start, found.end) if time is not None)
    for where in (filters.where(found), filters.received(found)):
        assert all(f"{{{name}:" in where.sql for name in where.values)
        "".join(map(str, where.values.values())).encode()
    for kind in _CURSORS:
        with contextlib.suppress(BadParameter):
            place = cursors.read(given.text("cursor") or "", kind)
            assert cursors.read(cursors.written(place), kind) == place


def decision(data: bytes) -> None:
    """The body of a change: what was decided about sources, or one sentence."""
    with contextlib.suppress(BadParameter, HTTPException):
        state, keys, note = decisions.read(read_json(data))
        assert 1 <= len(keys) <= decisions.MOST
        "".join((state, note, *(part for key in keys for part in key))).encode()
