"""Whether a report came in an array is what the reader of the body found, however the body begins."""

from codecs import BOM_UTF8

import msgspec
import pytest

from processor.fold import fold
from processor.normalise import normalise
from schema.delivery import Delivery, Kind
from schema.report import entries
from schema.sites import Site, Sites

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
REPORT = {
    "type": "csp-violation", "url": "https://shop.example/", "age": 5, "user_agent": AGENT, "body": {
        "documentURL": "https://shop.example/", "effectiveDirective": "img-src", "originalPolicy": "img-src 'self'",
        "blockedURL": "https://evil.example/x.png", "disposition": "enforce", "statusCode": 200, "sample": "",
    },
}  # fmt: skip


class Untouched(bytes):
    """A body of megabytes and thousands of entries: no entry may cost a copy of it."""

    def lstrip(self, *_: object) -> bytes:
        raise AssertionError("copied for one entry")


@pytest.mark.parametrize("before", [b"", b" \n", BOM_UTF8, BOM_UTF8 + b" "])
def test_an_array_is_one_whatever_stands_before_it(before: bytes):
    for body, reasons in ([REPORT], ""), (REPORT, "shape-not-the-browsers"):
        raw = before + msgspec.json.encode(body)
        delivery = Delivery(1_793_577_600_000, "shop", Kind.REPORTS, 1, AGENT.encode(), Untouched(raw))
        [entry] = entries(raw)
        assert entry.in_array == isinstance(body, list)
        [row] = fold([delivery], (), Sites()).rows.values()
        for found in (normalise(entry, delivery, Site()), row.violation):
            assert found.trust_reasons == reasons
