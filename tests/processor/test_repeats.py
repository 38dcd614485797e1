"""Equal reports are gathered unread: what becomes of them is the same as if each had been normalised by itself."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processor import fold as folding
from processor import repeats
from processor.fold import fold
from processor.normalise import normalise
from processor.repeats import KEPT, Repeats
from schema.delivery import Delivery, Kind
from schema.report import SPELLINGS, EntryKind, Unreadable, entries
from schema.sites import Site, Sites
from schema.violation import Violation
from tests.corpus.captures import all_captures

START = 1_793_577_600_000
SITES = Sites({"default": Site(), "kept": Site(keep_query=("id",)), "nearly": Site(sample=0.999999999)})
NAMES = sorted({name for names in SPELLINGS.values() for name in names})
POLICY = "default-src 'self'; script-src 'nonce-%s' 'strict-dynamic'; report-to csp"
VALUES = st.one_of(
    st.sampled_from(
        ["", None, 1, 1.0, True, 0, False, "1", "inline", "https://a.example/x?id=1", "https://a.example/x?id=2",
         "script-src 'nonce-a'", "script-src 'nonce-b'", "x 'nonce-a\\' 'nonce-b'", '"original-policy":"\'nonce-a\'',
         "http://a.example?x@b", "https", [], {}, 2**70]
    ),
    st.text(max_size=12),
)  # fmt: skip
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)


def sent(body: bytes, site: str = "default", received: int = START, agent: bytes = b"agent") -> Delivery:
    return Delivery(received, site, Kind.REPORTS, 1, agent, body)


def one_by_one(deliveries: list[Delivery], sites: Sites = SITES) -> dict[tuple, Violation]:
    """What `fold` should find, without anything that is remembered."""
    rows: dict[tuple, Violation] = {}
    for delivery in deliveries:
        try:
            found = [entry for entry in entries(delivery.body) if entry.kind is EntryKind.VIOLATION]
        except Unreadable:
            continue
        for entry in found:
            made = normalise(entry, delivery, sites.get(delivery.site))
            row = rows.setdefault(key(made), made)
            if row is not made:
                row.reports += 1
                row.first_seen, row.last_seen = min(row.first_seen, made.first_seen), max(row.last_seen, made.last_seen)
                if judged(made) > judged(row):
                    row.trust, row.signature, row.environment, row.trust_reasons = judged(made)
    return rows


# What does not follow from the key: of equal violations any one's is shown.
SHOWN = {"sample": "", "user_agent": "", "status_code": 0, "referrer": "", "browser_version": "", "os": ""}
NEARLY_NONE = {"left_out": 0.0}  # of the site that is sampled nearly whole


def alike(rows: dict[tuple, Violation]) -> dict[tuple, Violation]:
    return {key: msgspec.structs.replace(row, **SHOWN, **NEARLY_NONE) for key, row in rows.items()}


def key(row: Violation) -> tuple:
    return (row.fingerprint, row.first_seen // 60_000, row.policy_hash, row.noise, row.verdict, row.site)


def judged(row: Violation) -> tuple:
    return (row.trust, row.signature, row.environment, row.trust_reasons)


def folded(deliveries: list[Delivery], known: Repeats, sites: Sites = SITES) -> dict[tuple, Violation]:
    return {key(row.violation): row.violation for row in fold(deliveries, (), sites, None, known).rows.values()}


@pytest.mark.parametrize("groups", [1, 7, 8000])
@pytest.mark.parametrize("in_one_batch", [True, False])
def test_every_capture_is_the_same_each_time_it_is_sent(monkeypatch, in_one_batch, groups):
    monkeypatch.setattr(folding, "_GROUPS", groups)
    deliveries = [
        msgspec.structs.replace(capture.delivery(), received_ms=START + later * 700_000)
        for later in range(2)
        for capture in [*all_captures()] * 2
    ]
    known = Repeats()
    half = len(deliveries) // 2
    for batch in [deliveries] if in_one_batch else [deliveries[:half], deliveries[half:]]:
        assert folded(batch, known) == one_by_one(batch)


@given(st.lists(BODIES, min_size=1, max_size=6), st.sampled_from(["default", "kept", "nearly"]), st.integers(1, 9))
def test_whatever_is_sent_is_the_same_as_if_nothing_was_known(bodies, site, groups):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(folding, "_GROUPS", groups)
        same_as_if_nothing_was_known(bodies, site)


def same_as_if_nothing_was_known(bodies: list[dict], site: str) -> None:
    known = Repeats()
    for _ in range(2):
        batch = []
        for body in bodies:
            modern = {"type": "csp-violation", "body": body}
            for whole in ({"csp-report": body}, modern, [modern | {"age": 7, "user_agent": "a"}, modern, 1]):
                raw = json.dumps(whole, separators=(",", ":")).encode()
                batch += [sent(raw, site), sent(raw, site, START + 7)]
        assert alike(folded(batch, known)) == alike(one_by_one(batch))


def legacy(policy: str, **more: object) -> bytes:
    body = {"document-uri": "https://a.example/x", "blocked-uri": "inline", "original-policy": policy} | more
    return json.dumps({"csp-report": body}, separators=(",", ":")).encode()


def item(policy: str, age: int = 5, **more: object) -> dict:
    body = {"documentURL": "https://a.example/x", "blockedURL": "inline", "originalPolicy": policy} | more
    return {"age": age, "body": body, "type": "csp-violation", "url": "https://a.example/x", "user_agent": "agent"}


@pytest.mark.parametrize("in_array", [True, False])
def test_what_differs_in_nonce_age_and_moment_is_normalised_once(monkeypatch, in_array):
    made = []
    monkeypatch.setattr(repeats, "normalise", lambda *given: made.append(1) or normalise(*given))
    known = Repeats()
    for batch in range(3):
        found = []
        for number in range(5):
            policy = POLICY % f"{batch}{number}=="
            raw = json.dumps([item(policy, age=number)], separators=(",", ":")).encode() if in_array else legacy(policy)
            found.append(sent(raw, received=START + batch * 700_000 + number))
        assert folded(found, known) == one_by_one(found)
    assert len(made) == 1


@pytest.mark.parametrize(
    "body",
    [
        legacy(POLICY % "a", **{"script-sample": "'nonce-SAMPLE'"}),  # no nonce of the policy's
        legacy("script-src 'nonce-a\\\"'"),  # an escape behind it
        legacy("\u0001 'nonce-SAMPLE'"),
        legacy("script-src 'nonce-.'nonce-SAMPLE'"),  # of which `normalise` takes out the first alone
        legacy("script-src 'NONCE-a'nonce-SAMPLE'"),
        legacy("script-src 'nonce-é'nonce-SAMPLE' x"),
        legacy("script-src x'nonce-SAMPLE'"),
        legacy("img-src *", **{"script-sample": '"original-policy":"\'nonce-SAMPLE\''}),
    ],
)
def test_nonces_elsewhere_are_part_of_what_is_said(body):
    other = body.replace(b"SAMPLE", b"OTHER")
    batch = [sent(body), sent(other), sent(body)]
    assert folded(batch, Repeats()) == one_by_one(batch)


@pytest.mark.parametrize(
    "other",
    [
        {"agent": b"another"},
        {"site": "kept"},
        {"received": START - 86_400_000},
    ],
)
def test_the_same_bytes_from_elsewhere_are_another_report(other):
    batch = [sent(legacy("img-src *")), sent(legacy("img-src *"), **other)]
    assert folded(batch, Repeats()) == one_by_one(batch)
    assert len(folded(batch, Repeats())) == 2 or other == {"agent": b"another"}


def test_an_array_with_something_else_in_it_is_taken_apart_as_a_whole():
    good = item("img-src *")
    for bad in (1, {}, {"type": "coep"}, {"type": "csp-violation", "body": {}}, {"type": "csp-violation", "body": 1},
                item("x", age=1.5), item("x") | {"csp-report": {"blocked-uri": "eval"}}, item("x", age=-1),
                item("x", age=2**70), {"type": "csp-violation", "body": {"blockedURL": "\ud800"}}):  # fmt: skip
        batch = [sent(json.dumps([good, bad, good]).encode()), sent(json.dumps([good]).encode())]
        assert folded(batch, Repeats()) == one_by_one(batch)


@pytest.mark.parametrize("known", [False, True])
def test_what_came_in_an_array_that_was_taken_apart_leaves_its_time_to_nobody(known: bool):
    def array(received: int, age: int, *others: object) -> Delivery:
        return sent(json.dumps([item("img-src *", age=age), *others]).encode(), received=received)

    repeats = Repeats()
    if known:
        for number in range(2):
            folded([array(START + number, 0)] * 2, repeats)
    hour = 3_600_000
    batch = [array(START, 20 * hour, {"type": "coep"}), array(START + 5 * 60_000, 0)]
    assert folded(batch, repeats) == one_by_one(batch)


def test_what_is_long_is_not_remembered_wherever_it_is_long():
    known = Repeats()
    for long in (item("img-src *", sample="x" * 5000), item("img-src *") | {"url": "https://a.example/" + "x" * 5000},
                 item("img-src *") | {"user_agent": "x" * 5000}):  # fmt: skip
        batch = [sent(json.dumps([long]).encode()), sent(json.dumps([long]).encode())]
        assert folded(batch, known) == one_by_one(batch)
    batch = [sent(legacy("img-src *", **{"script-sample": "x" * 5000}))] * 2
    assert folded(batch, known) == one_by_one(batch)
    assert not known._known


@pytest.mark.parametrize("batch", ["first", "second"])
def test_each_row_can_make_a_body_as_it_was_sent(batch):
    known = Repeats()
    bodies = [legacy("img-src *"), json.dumps([item("font-src *")]).encode(), json.dumps([item("x"), 1]).encode()]
    deliveries = [sent(body) for body in bodies] * 2
    rows = fold(deliveries, (), SITES, None, known).rows.values()
    if batch == "second":
        rows = fold(deliveries, (), SITES, None, known).rows.values()
    made = [row.example.body() for row in rows if row.example is not None]
    wanted = [json.loads(bodies[0])["csp-report"], item("font-src *")["body"], item("x")["body"]]
    assert sorted(made, key=repr) == sorted(wanted, key=repr)


@pytest.mark.parametrize("deep", [970, 979, 985, 2000])
def test_a_body_too_deep_to_be_read_again_leaves_an_empty_example(deep):
    body = b'{"csp-report":{"document-uri":"https://a.example/","x":' + b"[" * deep + b"]" * deep + b"}}"
    array = b'[{"type":"csp-violation","body":{"documentURL":"https://a.example/","x":' + b"[" * deep + b"]" * deep
    rows = fold([sent(body), sent(array + b"}}]")], (), SITES).rows.values()

    def further_down(frames: int) -> list[dict]:
        return further_down(frames - 1) if frames else [row.example.body() for row in rows]

    assert all(set(body) <= {"document-uri", "documentURL", "x"} for body in further_down(20))


def test_a_row_may_be_counted_in_without_changing_what_is_known():
    known = Repeats()
    batch = [sent(legacy("img-src *"))] * 2
    [first] = folded(batch, known).values()
    first.reports, first.noise = 99, "changed"
    assert folded(batch, known) == one_by_one(batch)


def test_a_changed_sites_file_is_followed_at_once():
    known = Repeats()
    batch = [sent(b'{"csp-report":{"document-uri":"https://a.example/x?id=7","blocked-uri":"inline"}}')] * 2
    assert [row.document_url for row in folded(batch, known).values()] == ["https://a.example/x"]
    changed = Sites({"default": Site(keep_query=("id",))})
    assert [row.document_url for row in folded(batch, known, changed).values()] == ["https://a.example/x?id=7"]


def test_no_more_than_those_seen_last_are_remembered_and_none_that_came_once():
    known = Repeats()
    pages = [sent(b'{"csp-report":{"document-uri":"https://a.example/%d"}}' % number) for number in range(KEPT + 100)]
    fold(pages, (), SITES, None, known)
    assert not known._known
    fold(pages[:100] * 2, (), SITES, None, known)
    often = set(known._known)
    fold(pages[100:-100] * 2 + pages[:100], (), SITES, None, known)
    fold(pages[-100:] * 2, (), SITES, None, known)
    assert len(known._known) == KEPT
    assert often <= known._known.keys()


def test_what_came_once_in_each_of_two_batches_is_known_in_the_third(monkeypatch):
    made = []
    monkeypatch.setattr(repeats, "normalise", lambda *given: made.append(1) or normalise(*given))
    known = Repeats()
    for number in range(4):
        batch = [sent(legacy("img-src *"), received=START + number)]
        assert folded(batch, known) == one_by_one(batch)
    assert len(made) == 2


def test_of_what_came_once_no_more_is_remembered_than_one_batch_over_the_limit(monkeypatch):
    monkeypatch.setattr(repeats, "ONCE", 50)
    known = Repeats()
    for batch in range(5):
        fold([sent(legacy(f"img-src {batch}.{number}.example")) for number in range(40)], (), SITES, None, known)
        assert len(known._once) <= 90


PIECES = st.lists(
    st.sampled_from(["img-src *", " ", "; ", "'nonce-", "SAMPLE", "'", " 'nonce-SAMPLE'", "'nonce-SAMPLE'", "\\", '\\"',
                     "\\\\", "\\u0027", "\\u0020", "=", "é", '","original-policy":"', '","script-sample":"', "NONCE-",
                     ","]),
    min_size=1, max_size=10,
).map("".join)  # fmt: skip


@settings(max_examples=500)
@given(PIECES)
def test_however_nonces_are_written_they_are_told_apart_wherever_it_matters(written):
    body = f'{{"csp-report":{{"document-uri":"https://a.example/","original-policy":"{written}"}}}}'.encode()
    batch = [sent(body), sent(body.replace(b"SAMPLE", b"OTHER")), sent(body)]
    assert folded(batch, Repeats()) == one_by_one(batch)
