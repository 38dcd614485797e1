"""What may be asked: known parameters, once each, with values that make sense; all else is 400 with a sentence."""

import contextlib
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from dashboards.filters import Filters, read
from dashboards.query_string import BadParameter, Parameters
from dashboards.times import written
from schema.clickhouse import Engine
from tests.support.asgi import ask
from tests.support.store import START

PATHS = ("totals", "violations", f"violations/{0:032x}", "groups", "series", "top", "ledger", "sources", "export")
FILTERS = ("site", "directive", "document_host", "blocked_host", "blocked_kind", "disposition", "browser", "verdict",
           "noise", "document_template", "blocked_template", "q", "from", "to")  # fmt: skip
GOOD = {"blocked_kind": "url", "disposition": "enforce", "verdict": "impossible", "noise": "none", "q": "page",
        "from": "2026-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z"}  # fmt: skip


def refusal(app: Starlette, target: str) -> str:
    """The sentence of a 400."""
    found = ask(app, target)
    assert found.status == 400, found
    assert found.headers["content-type"] == "application/problem+json"
    problem = found.json
    assert problem.keys() == {"type", "title", "status", "detail"}
    assert problem["status"] == 400
    assert problem["detail"].endswith(".")
    return str(problem["detail"])


@pytest.mark.parametrize("path", PATHS)
def test_every_filter_is_taken_everywhere(app: Starlette, path: str):
    for name in FILTERS:
        assert ask(app, f"/api/{path}?{name}={GOOD.get(name, 'shop')}").status in (200, 404), name


@pytest.mark.parametrize("path", PATHS)
def test_an_unknown_parameter_is_refused_and_the_known_are_named(app: Starlette, path: str):
    sentence = refusal(app, f"/api/{path}?sites=shop")
    assert "'sites'" in sentence
    assert "document_host" in sentence


@pytest.mark.parametrize("path, name", [
    ("totals", "limit"), ("totals", "by"), ("violations", "by"), ("series", "limit"), ("series", "cursor"), ("top",
    "step"),
    ("top", "cursor"), ("ledger", "cursor"), ("ledger", "state"), ("violations", "state"), (f"violations/{0:032x}",
    "limit"),
])  # fmt: skip
def test_a_parameter_of_another_path_is_unknown(app: Starlette, path: str, name: str):
    refusal(app, f"/api/{path}?{name}=1")


@pytest.mark.parametrize("path", PATHS)
def test_a_repeated_parameter_is_refused(app: Starlette, path: str):
    assert "once" in refusal(app, f"/api/{path}?site=shop&site=blog")
    assert "once" in refusal(app, f"/api/{path}?site=shop&site=shop")


@pytest.mark.parametrize("query", [
    "site=Shop", "site=-a", "site=a.b", "site=" + "a" * 64, "blocked_kind=", "blocked_kind=URL", "disposition=Enforce",
    "verdict=maybe", "noise=", "noise=yes", "q=...", "q=%20-%20", "q=" + "a+" * 21, "from=", "from=now",
    "from=2026-11-22",
    "from=2026-11-22T10:00:00", "from=2026-13-01T00:00:00Z", "from=2026-02-30T00:00:00Z", "from=2026-11-22T25:00:00Z",
    "from=2026-11-22T10:00:61Z", "from=2026-11-22T10:00:00%2B25:00", "from=1795300200", "from=0000-01-01T00:00:00Z",
    "from=2026-11-22T10:00:00Z&to=2026-11-22T09:59:59Z", "to=tomorrow", "browser=" + "a" * 4097, "site=%ff", "%ff=1",
    "directive=%ed%a0%80", "&".join(f"a{number}=1" for number in range(101)),
])  # fmt: skip
def test_a_bad_filter_is_refused(app: Starlette, query: str):
    refusal(app, f"/api/totals?{query}")


@pytest.mark.parametrize("target", [
    "violations?limit=0", "violations?limit=1001", "violations?limit=-1", "violations?limit=ten", "violations?limit=",
    "violations?limit=1e2", "violations?limit=%D9%A1", "violations?limit=" + "9" * 500, "violations?cursor=",
    "violations?cursor=x",
    "violations?cursor=gqEx", "violations?cursor=%00", "violations?cursor=%F0%9F%98%80",
    "violations?cursor=" + "A" * 4000,
    "series?by=nothing", "series?by=document_url", "series?step=59", "series?step=0", "series?step=",
    "series?step=31622401",
    "top?by=sites", "top?by=fingerprint", "top?limit=0", "top?limit=10001", "ledger?limit=0", "sources?state=old",
    "sources?state=", "sources?cursor=x", "sources?limit=1001", "export?format=xml", "export?format=",
])  # fmt: skip
def test_a_bad_own_parameter_is_refused(app: Starlette, target: str):
    refusal(app, f"/api/{target}")


@pytest.mark.parametrize("time", [
    "2026-11-22T10:00:00Z", "2026-11-22t10:00:00z", "2026-11-22T12:00:00%2B02:00", "2026-11-22T12:00:00+02:00",
    "2026-11-22%2010:00:00Z", "2026-11-22T05:00:00-05:00", "2026-11-22T10:00:00.000Z", "2026-11-22T10:09:59.999999999Z",
    "2026-11-22T09:59:60Z",
])  # fmt: skip
def test_times_are_rfc_3339_with_any_offset_and_a_plus_may_stand_unencoded(time: str):
    start = filters(f"from={time}").start
    assert start == 1795341600 - (600 if time.endswith("60Z") else 0)


def filters(query: str) -> Filters:
    return read(Parameters(query.encode(), FILTERS))


def test_a_period_is_snapped_outward_to_windows():
    found = filters("from=2026-11-22T10:09:59.999Z&to=2026-11-22T10:20:00.001Z")
    assert (found.start, found.end) == (1795341600, 1795341600 + 1800)
    found = filters("from=2026-11-22T10:10:00Z&to=2026-11-22T10:20:00Z")
    assert (found.start, found.end) == (1795341600 + 600, 1795341600 + 1200)


def test_times_the_store_cannot_hold_are_its_ends():
    found = filters("from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z")
    assert found.start == 0
    assert found.end is not None
    assert 2**32 - 600 <= found.end < 2**32


def test_words_are_split_as_the_index_splits_them(store: Engine):
    client = store.client()
    for text in ("a.b/c", "https://x.example/Ünïcode_Path-1?é=日本", "--", "A\u0130B", "\x7fx\x00y"):
        words = "SELECT arrayFilter(word -> word != '', tokens(lower({text:String}), 'splitByNonAlpha'))"
        expected = client.query(words, parameters={"text": text}).result_rows[0][0]
        try:
            found = list(read(_Given(text)).words)
        except BadParameter:
            found = []
        assert found == expected, text


class _Given(Parameters):
    def __init__(self, text: str) -> None:
        self.given = {"q": text}


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_query_string_is_read_or_refused(query: bytes):
    with contextlib.suppress(BadParameter):
        read(Parameters(query, FILTERS))


HOSTILE = (
    "' OR 1=1 --", "'; DROP TABLE violations; --", "\\' OR '1'='1", "{site:String}", "{where}", "%(site)s", "$1",
    "\x00",
    "a\tb\nc\\", "\\N", "NULL", "') OR ('1'='1", "${jndi:x}", "<script>alert(1)</script>", "\u202e\u2066", "😀", "`",
    '"', "/*", "*/",
    "now()", "(SELECT 1)", "[]", "{}",
)  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE)
def test_sql_in_a_value_is_a_value(app: Starlette, value: str):
    for name in ("directive", "document_host", "blocked_host", "browser"):
        found = ask(app, f"/api/totals?{name}={quote(value)}")
        assert found.status == 200
        assert found.json["reports"] == 0, name
    assert ask(app, f"/api/violations/{quote(value, safe='')}").status == 404
    assert ask(app, "/api/totals").json["reports"] > 0


def test_sql_in_any_parameter_of_any_path_is_no_fault_of_ours(app: Starlette):
    value = quote("'; {where} \\\x00 ') OR ('1'='1 --")
    for name in (*FILTERS, "limit", "cursor", "by", "step", "state", "format"):
        for path in PATHS:
            assert ask(app, f"/api/{path}?{name}={value}").status in (200, 400, 404), (path, name)


def test_moments_of_the_ledger_are_snapped_like_everything(app: Starlette):
    period = f"from={written(START + 65)}&to={written(START + 70)}"
    assert ask(app, f"/api/ledger?{period}").json["received"] == 39
