"""The made-up world of `csp-sentinel demo`: browsers, pages, their policies, and what breaks them."""

from typing import NamedTuple

CHROMIUM, FIREFOX, WEBKIT = "chromium", "firefox", "webkit"
EVERY = (CHROMIUM, FIREFOX, WEBKIT)


class Browser(NamedTuple):
    weight: int
    engine: str
    user_agent: str


_CHROMIUM = "AppleWebKit/537.36 (KHTML, like Gecko)"
BROWSERS = (
    Browser(30, CHROMIUM, f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROMIUM} Chrome/156.0.0.0 Safari/537.36"),
    Browser(6, CHROMIUM, f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROMIUM} Chrome/155.0.0.0 Safari/537.36"),
    Browser(14, CHROMIUM, f"Mozilla/5.0 (Linux; Android 10; K) {_CHROMIUM} Chrome/156.0.0.0 Mobile Safari/537.36"),
    Browser(9, CHROMIUM, f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_CHROMIUM} Chrome/156.0.0.0 Safari/537.36"),
    Browser(
        8,
        CHROMIUM,
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROMIUM} Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0",
    ),
    Browser(3, CHROMIUM, f"Mozilla/5.0 (X11; Linux x86_64) {_CHROMIUM} Chrome/156.0.0.0 Safari/537.36"),
    Browser(6, FIREFOX, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:157.0) Gecko/20100101 Firefox/157.0"),
    Browser(3, FIREFOX, "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"),
    Browser(2, FIREFOX, "Mozilla/5.0 (Android 15; Mobile; rv:157.0) Gecko/157.0 Firefox/157.0"),
    Browser(
        12,
        WEBKIT,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/26.1 Mobile/15E148 Safari/604.1",
    ),
    Browser(
        7,
        WEBKIT,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/26.1 Safari/605.1.15",
    ),
)


class Place(NamedTuple):
    """One of the sites' hosts; {id} in a path is drawn anew for every page."""

    weight: int
    origin: str
    paths: tuple[str, ...]


SHOP = "https://www.shop.example"
CHECKOUT = "/checkout"
PLACES = (
    Place(50, SHOP, ("/", "/cart", CHECKOUT, "/product/{id}", "/product/{id}", "/search")),
    Place(20, "https://news.example", ("/", "/world/{id}", "/sport/{id}", "/live")),
    Place(12, "https://blog.shop.example", ("/", "/2026/11/winter-is-coming", "/2026/10/how-we-bake")),
    Place(10, "https://account.bank.example", ("/login", "/transfer", "/statements")),
    Place(8, "https://app.notes.example", ("/", "/n/{id}", "/settings")),
)

# {nonce} is new for every page; {host} is the page's own.
ENFORCED = (
    "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'report-sample' https://static.{host}; "
    "style-src 'self' 'report-sample'; img-src 'self' https://images.{host}; connect-src 'self' https://api.{host}; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; "
    "report-uri https://reports.example/csp/report; report-to csp"
)
REPORT_ONLY = (
    "default-src 'none'; script-src 'nonce-{nonce}' 'report-sample'; style-src 'self' 'report-sample'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; "
    "trusted-types app; report-uri https://reports.example/csp/report; report-to csp"
)


class Breach(NamedTuple):
    """What a page did against its policy. `source`: `page` is the document itself; no source, no line."""

    weight: int
    directive: str
    blocked: str
    sample: str = ""
    source: str = ""
    engines: tuple[str, ...] = EVERY
    report_only: bool = False  # only the stricter policy forbids it


_VENDOR = "https://static.{host}/vendor.8f3a.js"
BREACHES = (
    Breach(18, "img-src", "https://pixel.adpartner.example/p.gif?uid={id}"),
    Breach(13, "script-src-elem", "inline", "window.dataLayer = window.dataLayer || [", "page"),
    Breach(9, "script-src-elem", "https://tags.tracker.example/tag.js?id=T-4711", "", "page"),
    Breach(8, "style-src-attr", "inline", "display:none", "page"),
    Breach(5, "style-src-elem", "inline", ".banner{position:fixed;bottom:0}", "page"),
    Breach(5, "script-src-attr", "inline", "return confirm('Really?')", "page"),
    Breach(7, "connect-src", "https://telemetry.vendor.example/v2/collect?sid={id}", "", _VENDOR),
    Breach(2, "connect-src", "wss://chat.support.example/socket", "", _VENDOR),
    Breach(6, "font-src", "data"),
    Breach(4, "font-src", "https://fonts.foundry.example/inter.woff2"),
    Breach(4, "img-src", "data", "", "page"),
    Breach(3, "frame-src", "https://player.video.example"),
    Breach(4, "script-src", "eval", "return this", _VENDOR),
    Breach(1, "script-src", "wasm-eval", "", _VENDOR),
    Breach(1, "media-src", "blob"),
    Breach(1, "worker-src", "blob", "", _VENDOR),
    Breach(1, "form-action", "https://pay.gateway.example/3ds", "", "page"),
    Breach(1, "base-uri", "https://translate.proxy.example/"),
    Breach(3, "require-trusted-types-for", "trusted-types-sink", 'Element innerHTML|<div class="offer">',
           _VENDOR, (CHROMIUM,), report_only=True),
    Breach(1, "trusted-types", "trusted-types-policy", "lit-html", _VENDOR, (CHROMIUM,), report_only=True),
    Breach(3, "img-src", "https://images.{host}/hero.avif", report_only=True),
    # Not the site's own doing: extensions and a virus scanner.
    Breach(4, "script-src-elem", "chrome-extension", engines=(CHROMIUM,)),
    Breach(2, "style-src-elem", "inline", "", "chrome-extension", (CHROMIUM,)),
    Breach(4, "font-src", "moz-extension", engines=(FIREFOX,)),
    Breach(3, "script-src-elem", "safari-web-extension", engines=(WEBKIT,)),
    Breach(1, "script-src-elem", "https://gc.kis.v2.scr.kaspersky-labs.com/FD126C42-EBFA/main.js"),
)  # fmt: skip

# The story of the demo: somebody got a script into the shop's checkout some minutes ago.
INTRUSION_MS = 12 * 60_000
INTRUSION = (
    Breach(3, "script-src-elem", "https://cdn-jquery.example/jquery-3.7.1.min.js", "", "page"),
    Breach(2, "connect-src", "https://stats.cdn-jquery.example/c?d={id}", "", "https://cdn-jquery.example/jquery-3.7.1.min.js"),
)  # fmt: skip

# Reports of other types that share the endpoint: counted as ignored, by type.
OTHERS: tuple[tuple[str, dict[str, object]], ...] = (
    ("deprecation", {"id": "UnloadHandler", "message": "Unload event listeners are deprecated and will be removed."}),
    ("intervention", {"id": "BeforeUnloadNoGesture", "message": "Blocked attempt to show a confirmation panel."}),
    ("permissions-policy-violation", {"disposition": "enforce", "policyId": "geolocation"}),
    ("network-error", {"elapsed_time": 21, "phase": "dns", "status_code": 0, "type": "dns.name_not_resolved"}),
)
