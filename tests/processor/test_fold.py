"""One batch into rows and ledger lines: every entry ends in exactly one outcome."""

import json
import tracemalloc
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log.protocols import BATCH_DELIVERIES
from processor import fold as folding
from processor.fold import TYPES, fold
from processor.folded import Folded, Line
from schema.delivery import MOST_COUNT, Delivery, Kind
from schema.reasons import Reason
from schema.sites import Site, Sites

START = 1_790_000_000_000  # a full minute
SITES = Sites()


@pytest.fixture(autouse=True, scope="module", params=[1, 2, 16_000])
def groups(request):
    """However many are gathered before they become rows, the rows and the ledger are the same."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(folding, "_GROUPS", request.param)
        yield


def reports(body: object, *, received: int = 0, count: int = 1, site: str = "shop") -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(START + received, site, Kind.REPORTS, count, b"", raw)


def legacy(page: str = "https://shop.example/", **more: object) -> dict:
    return {"csp-report": {"document-uri": page, "effective-directive": "img-src", **more}}


def item(page: str = "https://shop.example/", age: object = 0) -> dict:
    return {"type": "csp-violation", "age": age, "body": {"documentURL": page, "effectiveDirective": "img-src"}}


def outcomes(folded: Folded) -> dict[str, int]:
    found: Counter[str] = Counter()
    for line, counted in folded.ledger.items():
        found[f"{line.outcome}:{line.detail}".rstrip(":")] += counted
    return dict(found)


def violations(folded: Folded):
    return [row.violation for row in folded.rows.values()]


def test_equal_reports_become_one_row_with_their_exact_number_and_span():
    folded = fold([reports(legacy(), received=n * 1000) for n in (3, 1, 2)], (), SITES)
    [row] = violations(folded)
    assert (row.reports, row.first_seen, row.last_seen) == (3, START + 1000, START + 3000)
    assert outcomes(folded) == {"received": 3, "stored": 3}


def test_different_reports_stay_apart():
    folded = fold([reports(legacy(f"https://shop.example/{n}")) for n in range(3)], (), SITES)
    assert [row.reports for row in violations(folded)] == [1, 1, 1]


def test_rows_stay_within_a_minute_so_that_the_series_is_exact():
    folded = fold([reports(legacy(), received=0), reports(legacy(), received=60_000)], (), SITES)
    assert [row.reports for row in violations(folded)] == [1, 1]


def test_policies_differing_only_in_nonces_fold():
    policies = [f"script-src 'nonce-{n}'; img-src *" for n in range(5)]
    folded = fold([reports(legacy(**{"original-policy": policy})) for policy in policies], (), SITES)
    assert [row.reports for row in violations(folded)] == [5]


def test_the_ledger_goes_by_the_minute_received_not_by_the_age():
    folded = fold([reports([item(age=120_000)])], (), SITES)
    assert folded.ledger[Line("shop", START // 60_000, "stored")] == 1
    assert violations(folded)[0].first_seen == START - 120_000


def test_other_types_are_ignored_by_type_and_bad_entries_rejected_beside_good_ones():
    body = [item(), {"type": "deprecation", "body": {}}, {"type": "coep"}, {"type": "coep"}, 1, {}, item()]
    folded = fold([reports(body, count=7)], (), SITES)
    assert outcomes(folded) == {
        "received": 7,
        "stored": 2,
        "ignored:deprecation": 1,
        "ignored:coep": 2,
        "rejected:bad-entry": 2,
    }
    assert {reject.raw for reject in folded.rejects.values()} == {"1", "{}"}


def test_a_type_that_can_be_none_is_counted_as_other():
    folded = fold([reports([{"type": "<b>" * 50}, {"type": "x" * 1000}, {"type": "new-type"}], count=3)], (), SITES)
    assert outcomes(folded) == {"received": 3, "ignored:other": 2, "ignored:new-type": 1}


def test_made_up_types_are_bounded_over_all_batches():
    types: set[str] = set()
    lines: set[Line] = set()
    for batch in range(20):
        body = [{"type": f"type-{batch}-{n}"} for n in range(500)]
        lines |= fold([reports(body, count=500)], (), SITES, types).ledger.keys()
    assert len(types) == TYPES
    assert len(lines) < TYPES + 10


def test_a_refusal_is_rejected_by_its_reason_and_kept_without_its_secrets():
    refused = Delivery(START, "shop", Kind.REFUSAL, 1, b"agent", b"GET https://a.example/?token=s3cret x", "not-json")
    folded = fold([refused], (), SITES)
    assert outcomes(folded) == {"received": 1, "rejected:not-json": 1}
    [(key, kept)] = folded.rejects.items()
    assert key[0] == Reason.NOT_JSON
    assert "a.example" in kept.raw
    assert "s3cret" not in kept.raw


def test_a_retried_delivery_is_counted_and_not_stored():
    folded = fold([reports([item(), item()], count=2), reports([item(), item()], count=2)], [1], SITES)
    assert outcomes(folded) == {"received": 4, "stored": 2, "retried": 2}


def test_documents_of_other_hosts_are_foreign_where_the_site_names_its_own():
    sites = Sites({"shop": Site(hosts=("shop.example", "*.shop.example"))})
    pages = [
        "https://shop.example/",
        "https://www.shop.example/",
        "https://evilshop.example/",
        "https://other.example/",
    ]
    folded = fold([reports(legacy(page)) for page in [*pages, "about"]], (), sites)
    assert outcomes(folded) == {"received": 5, "stored": 3, "foreign": 2}


def test_sampling_stores_its_share_and_decides_the_same_again():
    sites = Sites({"shop": Site(sample=0.25)})
    batch = [reports(legacy(), received=n % 1000) for n in range(4000)]
    folded = fold(batch, (), sites)
    found = outcomes(folded)
    assert found["stored"] + found["sampled"] == 4000
    assert 850 < found["stored"] < 1150
    assert outcomes(fold(batch, (), sites)) == found


def test_what_the_collector_took_but_cant_be_read_is_kept_as_unreadable():
    folded = fold([reports(b"not json", count=3)], (), SITES)
    assert outcomes(folded) == {"received": 3, "rejected:unreadable": 3}


def test_a_row_of_an_export_counts_for_what_it_stands_for():
    first = fold([reports(legacy(), received=n) for n in range(7)], (), SITES)
    [row] = violations(first)
    line = {name: getattr(row, name) for name in row.__struct_fields__} | {
        "fingerprint": row.fingerprint.hex(),
        "window": "2026-09-21T14:10:00Z",
        "first_seen": "2026-09-21T14:13:20.000Z",
        "last_seen": "2026-09-21T14:13:20.006+00:00",
    }
    exported = Delivery(START, "shop", Kind.VIOLATION, 7, b"", json.dumps(line).encode())
    folded = fold([exported], (), SITES)
    assert outcomes(folded) == {"received": 7, "stored": 7}
    assert violations(folded)[0].reports == 7


def test_a_row_the_store_could_not_hold_is_rejected_not_stuck():
    for line in (b"{}", b"[]", b'{"window":"2026-11-22T00:00:00Z"}', b"x", b"[" * 200_000):
        folded = fold([Delivery(START, "shop", Kind.VIOLATION, 5, b"", line)], (), SITES)
        assert outcomes(folded) == {"received": 5, "rejected:unreadable": 5}


def test_a_batch_of_the_largest_counts_stays_within_what_the_store_can_sum():
    refusal = Delivery(START, "shop", Kind.REFUSAL, MOST_COUNT, b"", b"", "busy")
    found = outcomes(fold([refusal] * BATCH_DELIVERIES, (), SITES))
    assert found["received"] == found["rejected:busy"] < 2**63


def test_the_ledger_balances_whatever_a_delivery_says_of_itself():
    for count in (0, 1, 99):
        found = outcomes(fold([reports([item(), item()], count=count)], (), SITES))
        assert found == {"received": 2, "stored": 2}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(st.one_of(JSON, st.just(item()), st.just({"type": "coep"})), max_size=20))
def test_every_entry_ends_in_exactly_one_outcome(body):
    folded = fold([reports(body, count=len(body))], (), SITES)
    found = outcomes(folded)
    received = found.pop("received", 0)
    assert received == len(body) == sum(found.values())


def test_what_is_kept_of_a_body_is_no_larger_than_the_body():
    """Read, `{}` takes 30 bytes for each of its own: a batch of such bodies would be more than a gigabyte."""
    many = b'{"csp-report":{"document-uri":"https://a.example/%d","x":[' + b"{}," * 60_000 + b"{}]}}"
    deliveries = [reports(many % number) for number in range(5)]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    folded = fold(deliveries, (), SITES)
    kept = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(folded.rows) == 5
    assert kept < 2 * sum(len(delivery.body) for delivery in deliveries)
