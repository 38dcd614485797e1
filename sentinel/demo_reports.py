"""The requests of `csp-sentinel demo`, spelled as the three engines spell them. Pure: one seed, one sequence."""

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

import msgspec

from sentinel import demo_pages as pages
from sentinel.demo_pages import CHROMIUM, FIREFOX, Breach, Browser

SPREAD_MS = 3_600_000  # the ages' range, so that a chart has an hour to show
_FLUSH_MS = 60_000  # Chromium sends what it has gathered once a minute
_LEGACY, _REPORTS = "application/csp-report", "application/reports+json"


class Post(NamedTuple):
    """One request. `reports`: the violations in it; `ignored`: reports of other types."""

    body: bytes
    content_type: str
    user_agent: str
    reports: int
    ignored: dict[str, int]


class _Page(NamedTuple):
    url: str
    host: str
    policies: dict[bool, str]  # by report-only
    age: int


class _Report(NamedTuple):
    breach: Breach
    page: _Page
    blocked: str
    source: str
    line: int
    column: int
    report_only: bool
    age: int


def make(seed: int, reports: int) -> Iterator[Post]:
    """Posts that hold `reports` violation reports together. No two hold the same: each page's address is its own."""
    random = Random(seed)  # noqa: S311  (no secret)
    number, left = 0, reports
    while left > 0:
        number += 1
        post = _post(random, number, left)
        left -= post.reports
        yield post


def _post(random: Random, number: int, left: int) -> Post:
    browser = _draw(random, pages.BROWSERS)
    modern = random.random() < {CHROMIUM: 0.8, FIREFOX: 0.6}.get(browser.engine, 0.5)
    ages = modern and browser.engine in {CHROMIUM, FIREFOX}
    page = _page(random, number, random.randrange(SPREAD_MS - _FLUSH_MS) if ages else 0)
    if not ages:
        report = _report(random, browser, page)
        spell = _webkit_object if modern else _LEGACIES[browser.engine]
        return Post(_compact(spell(report)), _LEGACY, browser.user_agent, 1, {})
    if browser.engine == FIREFOX:
        found = [_report(random, browser, page) for _ in range(min(left, random.randint(1, 5)))]
        return Post(_firefox_array(found, browser), _REPORTS, browser.user_agent, len(found), {})
    return _chromium_post(random, browser, page, left)


def _chromium_post(random: Random, browser: Browser, page: _Page, left: int) -> Post:
    """An array for one document: 1 to 30 violations, now and then with reports of other types among or alone."""
    size = min(left, 30, 1 + int(random.expovariate(1 / 6)))
    chance = random.random()
    others = [random.choice(pages.OTHERS) for _ in range(random.randint(1, 2))] if chance < 0.1 else []
    found = [] if chance < 0.03 else [_report(random, browser, page) for _ in range(size)]
    items = [_item(report.age, "csp-violation", page, browser, _chromium_body(report)) for report in found]
    items += [_item(page.age, kind, page, browser, body | {"sourceFile": page.url}) for kind, body in others]
    ignored = dict(Counter(kind for kind, _ in others))
    return Post(_compact(items), _REPORTS, browser.user_agent, len(found), ignored)


def _page(random: Random, number: int, age: int) -> _Page:
    place = _draw(random, pages.PLACES)
    host = place.origin.partition("://")[2]
    path = random.choice(place.paths)
    if place.origin == pages.SHOP and age < pages.INTRUSION_MS and random.random() < 0.5:
        path = pages.CHECKOUT
    nonce = f"{random.getrandbits(96):024x}"
    policies = {
        False: pages.ENFORCED.format(host=host, nonce=nonce),
        True: pages.REPORT_ONLY.format(host=host, nonce=nonce),
    }
    address = place.origin + path.format(id=random.randint(100, 112))
    return _Page(f"{address}?visit={number:x}-{random.getrandbits(32):08x}", host, policies, age)


def _report(random: Random, browser: Browser, page: _Page) -> _Report:
    intruded = pages.CHECKOUT in page.url and page.age < pages.INTRUSION_MS and random.random() < 0.5
    breaches = [breach for breach in pages.BREACHES if browser.engine in breach.engines]
    breach = _draw(random, pages.INTRUSION if intruded else breaches)
    # The same page breaks at the same places: line and column follow from the breach, not from the dice.
    line = 7 + len(breach.blocked + breach.sample) if breach.source else 0
    column = 9 + len(breach.directive) if breach.source else 0
    ours = breach.source.format(host=page.host)
    return _Report(
        breach,
        page,
        breach.blocked.format(host=page.host, id=f"{random.getrandbits(40):010x}"),
        page.url if ours == "page" else ours,
        line,
        column,
        breach.report_only or random.random() < 0.25,
        page.age + random.randrange(_FLUSH_MS) if page.age else 0,
    )


def _draw(random: Random, among: Any) -> Any:
    return random.choices(among, [one.weight for one in among])[0]


def _compact(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _disposition(report: _Report) -> str:
    return "report" if report.report_only else "enforce"


def _item(age: int, kind: str, page: _Page, browser: Browser, body: dict[str, Any]) -> dict[str, Any]:
    return {"age": age, "body": body, "type": kind, "url": page.url, "user_agent": browser.user_agent}


def _chromium_body(report: _Report) -> dict[str, Any]:
    """Keys in their order; what has no source has no place either."""
    body: dict[str, Any] = {
        "blockedURL": report.blocked,
        "columnNumber": report.column,
        "disposition": _disposition(report),
        "documentURL": report.page.url,
        "effectiveDirective": report.breach.directive,
        "lineNumber": report.line,
        "originalPolicy": report.page.policies[report.report_only],
        "referrer": "",
        "sample": report.breach.sample,
        "sourceFile": report.source,
        "statusCode": 200,
    }
    absent = () if report.source else ("columnNumber", "lineNumber", "sourceFile")
    return {name: value for name, value in body.items() if name not in absent}


def _chromium_legacy(report: _Report) -> dict[str, Any]:
    place = {"line-number": report.line, "column-number": report.column, "source-file": report.source}
    return {
        "csp-report": {
            "document-uri": report.page.url,
            "referrer": "",
            "violated-directive": report.breach.directive,
            "effective-directive": report.breach.directive,
            "original-policy": report.page.policies[report.report_only],
            "disposition": _disposition(report),
            "blocked-uri": report.blocked,
            **(place if report.source else {}),
            "status-code": 200,
            "script-sample": report.breach.sample,
        }
    }


def _firefox_legacy(report: _Report) -> dict[str, Any]:
    """Chromium's words in alphabetical order; column 1 even where there is no line."""
    body = _chromium_legacy(report)["csp-report"] | {"column-number": report.column or 1}
    if not report.breach.sample:
        del body["script-sample"]
    return {"csp-report": dict(sorted(body.items()))}


def _webkit_legacy(report: _Report) -> dict[str, Any]:
    """Neither disposition nor sample, the place at the end, and the Reporting API's wrapper around it."""
    found = _chromium_legacy(report)["csp-report"]
    order = (*_WEBKIT_ORDER, "source-file", "line-number", "column-number") if report.source else _WEBKIT_ORDER
    return {"type": "csp-violation", "url": report.page.url, "csp-report": {name: found[name] for name in order}}


_WEBKIT_ORDER = (
    "document-uri", "referrer", "violated-directive", "effective-directive", "original-policy", "blocked-uri",
    "status-code",
)  # fmt: skip


def _webkit_object(report: _Report) -> dict[str, Any]:
    """WebKit's `report-to`: one object, no age; the document stands in for a missing source."""
    body = {
        "documentURL": report.page.url,
        "disposition": _disposition(report),
        "referrer": "",
        "effectiveDirective": report.breach.directive,
        "blockedURL": report.blocked,
        "originalPolicy": report.page.policies[report.report_only],
        "statusCode": 200,
        "sample": report.breach.sample,
        "sourceFile": report.source or report.page.url,
        "lineNumber": report.line,
        "columnNumber": report.column or 1,
    }
    return {"type": "csp-violation", "url": report.page.url, "body": body}


_LEGACIES = {CHROMIUM: _chromium_legacy, FIREFOX: _firefox_legacy, pages.WEBKIT: _webkit_legacy}


def _firefox_array(found: list[_Report], browser: Browser) -> bytes:
    """With Firefox's own line breaks, and null for what isn't known."""
    items = []
    for report in found:
        body = {
            "documentURL": report.page.url,
            "blockedURL": report.blocked,
            "referrer": None,
            "effectiveDirective": report.breach.directive,
            "originalPolicy": report.page.policies[report.report_only],
            "sourceFile": report.source or None,
            "sample": report.breach.sample or None,
            "disposition": _disposition(report),
            "statusCode": 200,
            "lineNumber": report.line or None,
            "columnNumber": report.column or None,
        }
        around = {"age": report.age, "type": "csp-violation", "url": report.page.url, "user_agent": browser.user_agent}
        outer = b",".join(b'\n  "%b": %b' % (name.encode(), _compact(value)) for name, value in around.items())
        inner = b",\n".join(b' "%b": %b' % (name.encode(), _compact(value)) for name, value in body.items())
        items.append(b'\n {%b,\n  "body": {\n%b\n}\n\n }' % (outer, inner))
    return b"[" + b",".join(items) + b"\n]"
