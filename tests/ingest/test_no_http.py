"""Of bytes that break HTTP no header's value is kept: they hold addresses, cookies and credentials."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.no_http import shape

HEAD = b"""POST /csp/report/shop?k=KEY HTTP/1.1\r
Host: reports.example\r
X-Forwarded-For: 203.0.113.77\r
Cookie: sid=abc123\r
no header at all\r
\r
"""


def test_the_request_line_and_the_names_of_headers_are_kept():
    assert shape(HEAD, begins=True).splitlines() == [
        b"POST /csp/report/shop", b"Host:", b"X-Forwarded-For:", b"Cookie:", b"(16 bytes)",
    ]  # fmt: skip


def test_of_a_body_before_it_only_the_length_is_kept():
    head, body = b"POST / HTTP/1.1\r\nHost: c\r\n\r\n", b"jane: hunter2\nGET /reset/1 HTTP/1.1\n"
    assert shape(head + body, begins=True).splitlines() == [b"POST /", b"Host:", b"(36 bytes)"]


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (b"GET http://jane:secret@a.example/ HTTP/1.1", b"GET"),
        (b"GET //jane:secret@a.example/ HTTP/1.1", b"GET"),
        (b"GET /cart;session=1 HTTP/1.1", b"GET /cart"),
        (b"GET /cart%3Ftoken=1 HTTP/1.1", b"GET /cart"),
        (b"PRI * HTTP/2.0", b"PRI *"),
        (b" 203.0.113.77", b"(13 bytes)"),
        (b"203.0.113.77:4711", b"(17 bytes)"),
        (b"\x16\x03\x01\x02\x00", b"(5 bytes)"),
        (b"", b""),
    ],
    ids=[
        "a whole URL",
        "a user",
        "a session",
        "an escaped query",
        "HTTP/2",
        "a folded value",
        "an address",
        "TLS",
        "nothing",
    ],
)
def test_a_line_that_is_neither_is_only_measured(line, kept):
    assert shape(line + b"\r\n", begins=True).strip() == kept


def test_of_the_middle_of_a_request_only_its_length_is_kept():
    assert shape(b"session=abc; Secret: x\r\n", begins=False) == b"(24 bytes, from within a request)"


@given(st.lists(st.tuples(st.sampled_from([b"Cookie", b"X-Real-IP", b"Via"]), st.binary(max_size=30))))
def test_whatever_the_values_are_none_is_kept(headers):
    lines = b"".join(
        b"%b: =%b\r\n" % (name, value.replace(b"\n", b"=").replace(b"\r", b"=")) for name, value in headers
    )
    kept = shape(b"POST / HTTP/1.1\r\n" + lines + b"broken", begins=True)
    assert kept.splitlines() == [b"POST /", *(b"%b:" % name for name, _ in headers), b"(6 bytes)"]


@given(st.binary(max_size=5000))
def test_anything_gives_at_most_two_kilobytes(data):
    assert len(shape(data, begins=True)) <= 2048
