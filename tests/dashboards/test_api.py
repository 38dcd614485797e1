"""The read API, against a plain reckoning of the same history in Python."""

from collections import Counter
from collections.abc import Callable
from urllib.parse import quote

import pytest
from starlette.applications import Starlette

from dashboards.rows import FIELDS
from dashboards.times import written
from schema.clickhouse import Engine
from schema.violation import Violation
from schema.written import written_ms
from tests.support.asgi import ask
from tests.support.history import history
from tests.support.store import START, merge

Chosen = Callable[[Violation], bool]

# A query string, and the rows it selects.
FILTERS: list[tuple[str, Chosen]] = [
    ("", lambda row: True),
    ("site=shop", lambda row: row.site == "shop"),
    ("directive=img-src", lambda row: row.effective_directive == "img-src"),
    ("directive=IMG-src", lambda row: row.effective_directive == "img-src"),
    ("document_host=m.shop.example", lambda row: row.document_host == "m.shop.example"),
    ("document_host=M.Shop.Example", lambda row: row.document_host == "m.shop.example"),
    ("blocked_host=cdn.evil.example", lambda row: row.blocked_host == "cdn.evil.example"),
    ("blocked_host=", lambda row: row.blocked_host == ""),
    ("blocked_kind=inline", lambda row: row.blocked_kind == "inline"),
    ("disposition=report", lambda row: row.disposition == "report"),
    ("disposition=", lambda row: row.disposition == ""),
    ("browser=firefox", lambda row: row.browser == "Firefox"),
    ("browser=mobile%20safari", lambda row: row.browser == "Mobile Safari"),
    ("browser=mobile+safari", lambda row: row.browser == "Mobile Safari"),
    ("verdict=consistent", lambda row: False),
    ("verdict=", lambda row: True),
    ("noise=none", lambda row: row.noise == ""),
    ("noise=only", lambda row: row.noise != ""),
    ("noise=all", lambda row: True),
    ("q=", lambda row: True),
    ("q=page", lambda row: True),
    ("q=PIXEL.ads", lambda row: row.blocked_host == "pixel.ads.example"),
    ("q=lib%20page", lambda row: row.blocked_host != ""),
    ("q=app0", lambda row: row.source_file.endswith("/app0.js")),
    ("q=pag", lambda row: False),
    ("site=shop&directive=img-src&noise=none&browser=firefox&q=page", lambda row: row.site == "shop"
     and row.effective_directive == "img-src" and row.noise == "" and row.browser == "Firefox"),
    (f"from={written(START + 600)}", lambda row: row.window >= START + 600),
    (f"from={written(START + 601)}", lambda row: row.window >= START + 600),
    (f"to={written(START + 1200)}", lambda row: row.window < START + 1200),
    (f"to={written(START + 1201)}", lambda row: row.window < START + 1800),
    (f"from={written(START + 700)}&to={written(START + 800)}", lambda row: row.window == START + 600),
    (f"from={written(START + 700)}&to={written(START + 700)}", lambda row: row.window == START + 600),
    (f"from={written(START + 600)}&to={written(START + 600)}", lambda row: row.window == START + 600),
    ("site=nobody", lambda row: False),
]  # fmt: skip
NAMES = [query or "none" for query, _ in FILTERS]


def chosen(keep: Chosen) -> list[Violation]:
    return [row for row in history() if keep(row)]


def total(rows: list[Violation]) -> int:
    return sum(row.reports for row in rows)


@pytest.mark.parametrize("query, keep", FILTERS, ids=NAMES)
def test_totals_series_and_top_say_the_same_under_every_filter(app: Starlette, query: str, keep: Chosen):
    rows = chosen(keep)
    totals = ask(app, f"/api/totals?{query}").json
    assert totals["reports"] == total(rows)
    assert totals["violations"] == len({row.fingerprint for row in rows})
    series = ask(app, f"/api/series?{query}").json
    assert sum(item["reports"] for item in series["items"]) == total(rows)
    top = ask(app, f"/api/top?by=blocked_host&{query}").json
    assert sum(item["reports"] for item in top["items"]) == total(rows)
    listed = ask(app, f"/api/violations?{query}").json
    assert sum(item["reports"] for item in listed["items"]) == total(rows)
    sources = ask(app, f"/api/sources?{query}").json
    assert sum(item["reports"] for item in sources["items"]) == total(rows)


TOP = {
    "": lambda row: "",
    "directive": lambda row: row.effective_directive,
    "blocked_host": lambda row: row.blocked_host,
    "document_host": lambda row: row.document_host,
    "disposition": lambda row: row.disposition,
    "browser": lambda row: row.browser,
    "noise": lambda row: row.noise,
    "blocked_site": lambda row: row.blocked_site,
    "document_url": lambda row: row.document_url,
    "policy_hash": lambda row: row.policy_hash,
    "source_file": lambda row: row.source_file,
}


@pytest.mark.parametrize("by", TOP)
def test_top_counts_reports_and_violations_of_each_key_biggest_first(app: Starlette, by: str):
    reports: Counter[str] = Counter()
    fingerprints: dict[str, set[bytes]] = {}
    for row in history():
        reports[TOP[by](row)] += row.reports
        fingerprints.setdefault(TOP[by](row), set()).add(row.fingerprint)
    expected = [{"key": key, "reports": count, "estimated": count, "violations": len(fingerprints[key])}
                for key, count in sorted(reports.items(), key=lambda pair: (-pair[1], pair[0]))]  # fmt: skip
    assert ask(app, f"/api/top?by={by}").json["items"] == expected
    assert ask(app, f"/api/top?by={by}&limit=2").json["items"] == expected[:2]


@pytest.mark.parametrize("by", ["", "directive", "blocked_host", "document_host", "disposition", "browser", "noise"])
@pytest.mark.parametrize("step", [60, 600, 3600])
def test_series_are_exact_to_the_step_and_split_by_key(app: Starlette, by: str, step: int):
    expected: Counter[tuple[str, str]] = Counter()
    for row in history():
        expected[written(row.first_seen // 1000 // step * step), TOP[by](row)] += row.reports
    series = ask(app, f"/api/series?by={by}&step={step}").json
    assert series["step"] == step
    assert [((item["time"], item["key"]), item["reports"]) for item in series["items"]] == sorted(expected.items())


def test_a_step_is_rounded_up_to_what_is_known(app: Starlette):
    assert ask(app, "/api/series?step=61").json["step"] == 120
    assert ask(app, "/api/series?step=60&q=page").json["step"] == 600
    assert ask(app, "/api/series?step=601&q=page").json["step"] == 1200


def test_a_step_is_chosen_by_the_period_asked_for(app: Starlette):
    assert ask(app, "/api/series").json["step"] == 300  # three hours of history
    assert ask(app, "/api/series?q=page").json["step"] == 600
    assert ask(app, f"/api/series?from={written(START)}&to={written(START + 3600)}").json["step"] == 60
    assert ask(app, f"/api/series?from={written(START - 86400 * 30)}&to={written(START)}").json["step"] == 21600
    assert ask(app, "/api/series?from=1970-01-01T00:00:00Z&to=2100-01-01T00:00:00Z").json["step"] == 7 * 86400


def expected_item(number: int) -> dict[str, object]:
    rows = [row for row in history() if row.fingerprint == number.to_bytes(16, "big")]
    item = {name: getattr(rows[0], name) for name in FIELDS}
    return item | {
        "fingerprint": f"{number:032x}",
        "reports": total(rows),
        "estimated": total(rows),
        "window": written(min(row.window for row in rows)),
        "first_seen": written_ms(min(row.first_seen for row in rows)),
        "last_seen": written_ms(max(row.last_seen for row in rows)),
    }


def test_violations_carry_every_field_summed_over_the_period_biggest_first(app: Starlette):
    items = ask(app, "/api/violations").json["items"]
    numbers = sorted(range(40), key=lambda number: (-expected_item(number)["reports"], number))
    assert items == [expected_item(number) for number in numbers]
    assert set(FIELDS) - {"estimated"} == set(Violation.__struct_fields__) - {"left_out"}  # it is made of that


def test_times_are_rfc_3339_in_utc_with_milliseconds_where_there_are_some(app: Starlette):
    item = ask(app, f"/api/violations/{1:032x}").json
    assert item["first_seen"] == written_ms(START * 1000 + 45_250)
    assert item["first_seen"].endswith(":45.250Z")
    assert item["window"] == written(START)


def test_an_item_follows_the_period(app: Starlette):
    first = next(row for row in history() if row.fingerprint == (3).to_bytes(16, "big"))
    found = ask(app, f"/api/violations/{3:032x}?to={written(first.window + 600)}").json
    assert found["reports"] == first.reports
    assert found["last_seen"] == written_ms(first.last_seen)


def test_a_page_ends_with_a_cursor_and_the_pages_hold_each_violation_once(app: Starlette):
    found, cursor = [], ""
    for _ in range(6):
        page = ask(app, f"/api/violations?limit=7{cursor}").json
        found += [item["fingerprint"] for item in page["items"]]
        cursor = f"&cursor={page['next']}"
    assert page["next"] is None
    assert len(found) == len(set(found)) == 40
    assert found == [item["fingerprint"] for item in ask(app, "/api/violations").json["items"]]


def test_a_full_last_page_has_no_cursor(app: Starlette):
    assert ask(app, "/api/violations?limit=40").json["next"] is None


def test_one_violation_has_series_browsers_policies_and_an_example(app: Starlette):
    found = ask(app, f"/api/violations/{0:032x}").json
    assert {name: found[name] for name in FIELDS} == expected_item(0)
    assert sum(item["reports"] for item in found["series"]["items"]) == found["reports"]
    assert found["series"]["step"] == 600
    counted = {"reports": found["reports"], "estimated": found["reports"]}
    one = {"browser": "Chrome", "browser_version": "156.0.0", "fingerprint": f"{0:032x}", **counted}
    assert found["browsers"] == [one]
    [policy] = found["policies"]
    assert policy["original_policy"] == "default-src 'self'; script-src 0"
    assert policy["reports"] == found["reports"]
    assert found["example"] == '{"csp-report":{}}'


def test_a_violation_without_an_example_has_none(app: Starlette):
    assert ask(app, f"/api/violations/{5:032x}").json["example"] is None


def test_fingerprints_are_read_in_either_case(app: Starlette):
    assert ask(app, f"/api/violations/{10:032X}").json["fingerprint"] == f"{10:032x}"


@pytest.mark.parametrize(
    "fingerprint", ["0" * 31 + "f" + "0", "f" * 32, "zz", "0" * 31, "%00", quote("é" * 32), "0" * 33]
)
def test_an_unknown_fingerprint_is_404(app: Starlette, fingerprint: str):
    found = ask(app, f"/api/violations/{fingerprint}")
    assert found.status == 404
    assert found.headers["content-type"] == "application/problem+json"


def test_a_violation_outside_the_filters_is_404(app: Starlette):
    assert ask(app, f"/api/violations/{0:032x}?site=blog").status == 404


def test_totals_have_what_was_refused_and_ignored_and_the_lag(app: Starlette):
    found = ask(app, "/api/totals").json
    assert found["rejected"] == {"not-json": 4, "empty": 1}
    assert found["ignored"] == {"deprecation": 3}
    assert found["lag_seconds"] == 1.25


def test_what_was_refused_follows_site_and_period_only(app: Starlette):
    assert ask(app, "/api/totals?site=blog&directive=img-src").json["rejected"] == {"not-json": 2}
    assert ask(app, f"/api/totals?to={written(START + 600)}").json["rejected"] == {"not-json": 2, "empty": 1}


def test_answers_are_the_same_after_merges(app: Starlette, store: Engine):
    paths = ["/api/totals", "/api/violations", "/api/series?by=noise&step=60", "/api/top?by=policy_hash", "/api/ledger",
             "/api/sources", "/api/sources?q=page", f"/api/violations/{0:032x}"]  # fmt: skip
    before = [ask(app, path).json for path in paths]
    merge(store.client())
    assert [ask(app, path).json for path in paths] == before
