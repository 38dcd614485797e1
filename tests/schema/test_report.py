"""The five shapes of body, what is refused, what is repaired; and the collector and the processor see the same."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schema.reasons import Reason
from schema.report import SPELLINGS, EntryKind, Unreadable, count, entries, parse
from tests.corpus.captures import all_captures

LEGACY = {"csp-report": {"document-uri": "https://a.example/", "blocked-uri": "inline"}}
MODERN = {
    "type": "csp-violation",
    "age": 7,
    "url": "https://a.example/",
    "user_agent": "Mozilla/5.0",
    "body": {"documentURL": "https://a.example/", "blockedURL": "eval"},
}
OTHER = {"type": "deprecation", "url": "https://a.example/", "body": {"id": "x", "blockedURL": "y"}}


def dumps(value):
    return json.dumps(value).encode()


def outcome(reader, body):
    """Either how many entries, or why not."""
    try:
        return reader(body)
    except Unreadable as refusal:
        return refusal.reason


def both(body):
    """What the collector says, once it is sure that the processor says the same."""
    said = outcome(count, body)
    assert said == outcome(lambda raw: len(entries(raw)), body)
    return said


@pytest.mark.parametrize(
    "body, kinds",
    [
        (LEGACY, "V"),
        (MODERN, "V"),
        (LEGACY | {"type": "csp-violation", "url": "https://a.example/"}, "V"),  # WebKit's report-uri
        ([MODERN, MODERN], "VV"),
        ([LEGACY], "V"),
        ([OTHER], "O"),
        (OTHER, "O"),
        ([], ""),
        ([MODERN, OTHER, 5, {"type": "csp-violation"}, LEGACY], "VOBBV"),
        ([MODERN | {"body": None}, MODERN], "BV"),
        ([OTHER | {"destination": "x", "attempts": 1}], "O"),
        ({"csp-report": {"document_url": "https://a.example/"}}, "V"),
        ({"csp-report": {"documentURI": "https://a.example/"}}, "V"),
        ({"csp-report": {"request": "GET http://a.example/ HTTP/1.1"}}, "V"),
        ({"csp-report": {"violated-directive": "img-src"}}, "V"),
        ({"csp-report": {"source-file": "a.js"}}, "V"),
        ({"csp-report": {"blocked-uri": 5}}, "V"),
    ],
)
def test_shape_decides_what_a_body_is(body, kinds):
    assert "".join(entry.kind.name[0] for entry in entries(dumps(body))) == kinds
    assert both(dumps(body)) == len(kinds)


@pytest.mark.parametrize(
    "body, reason",
    [
        (b"", Reason.EMPTY),
        (b" \r\n\t", Reason.EMPTY),
        (b"\xef\xbb\xbf", Reason.EMPTY),
        (b"null", Reason.WRONG_SHAPE),
        (b"5", Reason.WRONG_SHAPE),
        (b'"text"', Reason.WRONG_SHAPE),
        (b"{}", Reason.WRONG_SHAPE),
        (b'{"a":1}', Reason.WRONG_SHAPE),
        (b'{"csp-report":null}', Reason.NOTHING_USABLE),
        (b'{"csp-report":[]}', Reason.NOTHING_USABLE),
        (b'{"csp-report":"text"}', Reason.NOTHING_USABLE),
        (b'{"csp-report":{}}', Reason.NOTHING_USABLE),
        (b'{"csp-report":{"referrer":"x","made-up":"y"}}', Reason.NOTHING_USABLE),
        (b'{"csp-report":{"document-uri":"","blocked-uri":null}}', Reason.NOTHING_USABLE),
        (b'{"csp-report":{"document-uri":["x"],"blocked-uri":true}}', Reason.NOTHING_USABLE),
        (b'{"type":"csp-violation","body":5}', Reason.NOTHING_USABLE),
        (b"[1,null,{}]", Reason.NOTHING_USABLE),
        (b"not json", Reason.NOT_JSON),
        (b"document-uri=x&blocked-uri=y", Reason.NOT_JSON),
        (b'{"csp-report":{"document-uri":"x"}', Reason.NOT_JSON),
        (b'{"csp-report":{"document-uri":"x"}} trailing', Reason.NOT_JSON),
        (b'{"csp-report":{"document-uri":"x","y":"\\x"}}', Reason.NOT_JSON),
        (b"[" * 10_000 + b"]" * 10_000, Reason.NOT_JSON),
        (b'{"csp-report":{"document-uri":"x","y":' + b"[" * 10_000 + b"]" * 10_000 + b"}}", Reason.NOT_JSON),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, Reason.NOT_JSON),
    ],
)
def test_what_no_browser_sends_is_refused(body, reason):
    assert both(body) == reason


@pytest.mark.parametrize("blanks", [b" ", b"\n\n", b"\xef\xbb\xbf"])
def test_blanks_around_a_report_are_normal(blanks):
    assert both(blanks + dumps(LEGACY) + b"\n\n") == 1


def test_the_envelope_travels_with_the_entry():
    [entry] = entries(dumps([MODERN]))
    assert (entry.type, entry.age, entry.url, entry.user_agent) == (
        "csp-violation",
        7,
        "https://a.example/",
        "Mozilla/5.0",
    )
    assert entry.body == MODERN["body"]
    assert not entry.legacy


def test_the_type_inside_a_body_is_not_the_reports():
    [entry] = entries(dumps({"type": "coep", "body": {"type": "csp-violation", "blockedURL": "x"}}))
    assert (entry.kind, entry.type) == (EntryKind.OTHER, "coep")


@pytest.mark.parametrize(
    "raw, repaired",
    [
        (b"half \xed\xa0\xbd", "half \ufffd"),  # Chromium's report-uri
        (b"half \\ud83d", "half \ufffd"),  # WebKit
        (b"pair \\ud83d\\ude00", "pair \U0001f600"),
        (b"latin \xe9", "latin \ufffd"),
        (b"raw\ncontrol\x01", "raw\ncontrol\x01"),
        (b"escaped \\u0000 nul", "escaped \0 nul"),
    ],
)
def test_a_broken_text_is_repaired_not_refused(raw, repaired):
    body = b'{"csp-report":{"document-uri":"https://a.example/","script-sample":"' + raw + b'"}}'
    assert both(body) == 1
    assert entries(body)[0].body["script-sample"] == repaired


@pytest.mark.parametrize("field", [b"document-uri", b"blocked-uri", b"violated-directive", b"made-up"])
def test_a_broken_text_is_repaired_in_any_field(field):
    body = b'{"csp-report":{"effective-directive":"img-src","' + field + b'":"x\xed\xa0\xbd\xff\\udc00"}}'
    assert both(body) == 1


def test_whole_numbers_stay_whole_where_a_text_is_repaired():
    body = b'{"csp-report":{"document-uri":"x\xff","line-number":12,"column-number":1.5,"status-code":1e999}}'
    found = entries(body)[0].body
    assert (found["line-number"], found["column-number"], found["status-code"]) == (12, 1.5, float("inf"))
    assert isinstance(found["line-number"], int)


@pytest.mark.parametrize(
    "number", [b"9" * 5000, b"-" + b"9" * 5000, b"1e999", b"0." + b"1" * 5000, b"NaN", b"Infinity"]
)
def test_a_number_of_any_size_costs_no_report(number):
    body = b'{"csp-report":{"document-uri":"https://a.example/","line-number":' + number + b"}}"
    assert both(body) == 1


def test_of_duplicate_keys_the_last_counts():
    body = b'{"csp-report":{"document-uri":"https://a.example/","document-uri":"https://b.example/"}}'
    assert both(body) == 1
    assert entries(body)[0].body["document-uri"] == "https://b.example/"
    assert both(b'{"csp-report":{"document-uri":"https://a.example/"},"csp-report":{}}') is Reason.NOTHING_USABLE


def test_ten_thousand_items_are_ten_thousand_entries():
    assert both(dumps([MODERN] * 300 + [OTHER] * 300 + [0] * 9_400)) == 10_000


def test_every_capture_is_read_alike():
    for capture in all_captures():
        assert isinstance(both(capture.body), int), capture.name


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
NAMES = st.sampled_from([name for names in SPELLINGS.values() for name in names]) | st.text(max_size=5)
FIELDS = st.dictionaries(NAMES, SCALARS | st.lists(SCALARS, max_size=2) | st.just("https://a.example/"), max_size=5)
ENVELOPES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["csp-violation", "deprecation", ""]) | SCALARS,
        "csp-report": FIELDS | SCALARS,
        "body": FIELDS | SCALARS,
        "age": SCALARS,
        "url": SCALARS,
    },
)
BODIES = st.one_of(ENVELOPES, st.lists(ENVELOPES | SCALARS, max_size=4), SCALARS).map(dumps)


@st.composite
def damaged(draw):
    """A body with a few bytes put in, taken out or changed, as a network never does and a hostile client may."""
    body = bytearray(draw(BODIES))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(body)))
        piece = draw(
            st.sampled_from(
                [b"", b'"', b"\\", b"\\ud800", b"\xed\xa0\xbd", b"\xff", b"[", b"}", b",", b"\0", b"0", b"NaN"]
            )
        )
        body[at : at + draw(st.integers(0, 2))] = piece
    return bytes(body)


@given(damaged() | st.binary(max_size=40))
@example(b'{"csp-report":{"document-uri":"x"},"csp-report":null}')
@example(b'[{"csp-report":{"document-uri":"x"}},{"type":null}]')
@example(b'{"csp-report":{"document-uri":"x","y":1e999}}')
@example(b'{"type":"csp-violation","body":{"blockedURL":"\xff"}}')
def test_the_collector_and_the_processor_always_agree(body):
    both(body)


@given(damaged())
def test_what_is_parsed_is_valid_text_throughout(body):
    try:
        found = parse(body)
    except Unreadable:
        return
    json.dumps(found, ensure_ascii=False).encode()


@pytest.mark.parametrize("value", [b"{}", b"[]", b"0"])
def test_a_large_body_of_nothing_but_small_values_is_too_large(value):
    """Read, 70 MB of `{}` would take 5 GB."""
    body = b"[" + b",".join([value] * 2_000_002) + b"]"
    for read in (count, entries):
        with pytest.raises(Unreadable) as refused:
            read(body)
        assert refused.value.reason == Reason.TOO_LARGE


def test_a_large_body_of_reports_is_read():
    report = b'{"type":"csp-violation","url":"https://shop.example/","body":{"blockedURL":"inline","sample":"%s"}}'
    body = b"[" + b",".join([report % (b"x" * 400)] * 3000) + b"]"
    assert len(body) > 1024 * 1024
    assert count(body) == len(entries(body)) == 3000
