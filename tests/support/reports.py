"""Reports made by hand, and the rows they become."""

from typing import Any

from processor.normalise import normalise
from processor.verdict import Verdict
from schema.delivery import Delivery, Kind
from schema.report import Entry, EntryKind
from schema.sites import Site
from schema.violation import Violation

RECEIVED_MS = 1_793_577_912_345
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
PLAIN = {
    "document-uri": "https://www.shop.example/cart?id=7",
    "referrer": "https://www.shop.example/?q=shoes",
    "violated-directive": "script-src-elem",
    "effective-directive": "script-src-elem",
    "blocked-uri": "https://cdn.example/a.js",
    "disposition": "enforce",
    "source-file": "https://www.shop.example/app.js?v=3",
    "line-number": 12,
    "column-number": 34,
    "status-code": 200,
    "script-sample": "",
    "original-policy": "script-src 'self'",
}


def entry(
    body: dict[str, Any], *, legacy: bool = True, url: Any = None, age: Any = None, user_agent: Any = None
) -> Entry:
    return Entry(EntryKind.VIOLATION, "csp-violation", body, url, age, user_agent, legacy)


def row(body: dict[str, Any], *, site: Site | None = None, agent: str = FIREFOX, **envelope: Any) -> Violation:
    """What the body becomes; `envelope` as for `entry`."""
    delivery = Delivery(RECEIVED_MS, "shop", Kind.REPORTS, 1, agent.encode(), b"")
    return normalise(entry(body, **envelope), delivery, site or Site())


def judged(
    policy: str, directive: str, blocked: str, document: str = "https://shop.example/cart", *, sample: str = ""
) -> Verdict:
    """The verdict on a report that says this."""
    found = row(
        {
            "document-uri": document,
            "effective-directive": directive,
            "blocked-uri": blocked,
            "original-policy": policy,
            "script-sample": sample,
        }
    )
    return Verdict(found.verdict, found.verdict_reason)
