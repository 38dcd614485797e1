"""The made-up world that the traffic comes from: pages with their policies, hosts that get blocked, and why."""

from typing import NamedTuple

from loadtest.traffic.learned import Learned

BLOCKED_HOSTS = 5000
# A few that everybody embeds; the first ones most.
VENDORS = (
    "pixel.adpartner.example", "tags.tracker.example", "telemetry.vendor.example", "fonts.foundry.example",
    "player.video.example", "chat.support.example", "pay.gateway.example", "cdn.widgets.example",
    "ads.auction.example", "sync.audience.example", "maps.places.example", "static.social.example",
    "consent.banner.example", "replay.sessions.example", "translate.proxy.example", "survey.asks.example",
    "push.notify.example", "img.host.example",
)  # fmt: skip
_SITES = ("www.shop.example", "m.shop.example", "blog.shop.example", "news.example", "sport.news.example",
          "account.bank.example", "app.notes.example", "www.travel.example")  # fmt: skip
_SECTIONS = ("start", "product", "search", "help", "world", "cart", "offers", "about", "settings", "archive")
_PAGES_A_SECTION = 5
EVERY = ("chromium", "firefox", "webkit")


class Policy(NamedTuple):
    """The text before and after the place of a nonce; `fixed`: it needs none."""

    before: str
    after: str
    fixed: bool


class Page(NamedTuple):
    """`report_only`: a second, stricter policy; only pages of browsers' own traffic have it."""

    url: str
    origin: str
    policy: Policy
    report_only: Policy | None = None


class Breach(NamedTuple):
    """A way to break a policy. `{host}` in `blocked` is a blocked host, `{site}` the page's own, and `{number}` makes
    the URL one of its kind. Weights: in the benchmark's traffic, and in browsers' own; made up, both.
    """

    weight: int
    usual: int
    directive: str
    blocked: str
    placed: bool = False  # it has a source file, a line and a column
    sample: str = ""
    engines: tuple[str, ...] = EVERY
    needs: str = ""  # what stands in every policy that it breaks
    noise: str = ""  # the category: not the site's own doing
    source: str = ""  # where it is not the page or its script


BREACHES = (
    Breach(26, 18, "img-src", "https://{host}/p/{number}.gif"),
    Breach(22, 14, "script-src-elem", "https://{host}/tag.js", placed=True),
    Breach(12, 14, "script-src-elem", "inline", placed=True, sample="window.dataLayer = window.dataLayer || ["),
    Breach(11, 9, "connect-src", "https://{host}/v2/collect", placed=True),
    Breach(8, 8, "style-src-attr", "inline", placed=True, sample="display:none"),
    Breach(6, 5, "font-src", "https://{host}/f/{number}.woff2"),
    Breach(5, 4, "frame-src", "https://{host}/embed/{number}"),
    Breach(4, 3, "style-src-elem", "https://{host}/c/{number}.css"),
    Breach(3, 4, "script-src", "eval", placed=True),
    Breach(3, 6, "script-src-elem", "chrome-extension", placed=True, engines=("chromium",), noise="extension"),
    Breach(0, 5, "style-src-elem", "inline", placed=True, sample=".banner{position:fixed;bottom:0}"),
    Breach(0, 5, "script-src-attr", "inline", placed=True, sample="return confirm('Really?')"),
    Breach(0, 2, "connect-src", "wss://{host}/socket", placed=True),
    Breach(0, 5, "font-src", "data", placed=True),
    Breach(0, 4, "img-src", "data", placed=True),
    Breach(0, 1, "script-src", "wasm-eval", placed=True),
    Breach(0, 1, "media-src", "blob", placed=True),
    Breach(0, 1, "worker-src", "blob", placed=True),
    Breach(0, 1, "form-action", "https://{host}/3ds", placed=True, needs="form-action"),
    Breach(0, 1, "base-uri", "https://{host}/", placed=True, needs="base-uri"),
    Breach(0, 1, "script-src-elem", "https://static.{site}/old.js", placed=True, needs="https://static."),  # allowed
    Breach(0, 6, "require-trusted-types-for", "trusted-types-sink", placed=True, engines=("chromium",),
           sample="Element innerHTML|<i>offer</i>", needs="require-trusted-types-for"),
    Breach(0, 3, "trusted-types", "trusted-types-policy", placed=True, engines=("chromium",), sample="lit-html",
           needs="trusted-types app"),
    Breach(0, 3, "style-src-attr", "inline", placed=True, engines=("chromium",), noise="extension",
           source="chrome-extension"),
    Breach(0, 5, "font-src", "moz-extension", placed=True, engines=("firefox",), noise="extension"),
    Breach(0, 2, "img-src", "https://{site}/favicon.ico", placed=True, engines=("firefox",), noise="browser",
           source="resource"),
    Breach(0, 5, "script-src-elem", "safari-web-extension", placed=True, engines=("webkit",), noise="extension"),
    Breach(0, 2, "script-src-elem", "https://gc.kis.v2.scr.kaspersky-labs.com/FD126C42-EBFA/main.js", placed=True,
           noise="injected"),
)  # fmt: skip

# The story of `csp-sentinel demo`: somebody got a script into the shop's cart, in the last fifth of the traffic.
CART = "https://www.shop.example/cart"
INTRUSION = (
    Breach(0, 3, "script-src-elem", "https://cdn-jquery.example/jquery-3.7.1.min.js", placed=True),
    Breach(0, 2, "connect-src", "https://stats.cdn-jquery.example/c", placed=True,
           source="https://cdn-jquery.example/jquery-3.7.1.min.js"),
)  # fmt: skip


def _policy(host: str, number: int) -> Policy:
    """One of 80, of 300 to 650 bytes: the later sections of a site allow more. Half are the same for every visitor."""
    partners = " ".join(f"https://partner{place}.{host}" for place in range(number % len(_SECTIONS)))
    after = (
        f" https://static.{host}; style-src 'self' {partners}; img-src 'self' data: https://images.{host}; "
        f"connect-src 'self' https://api.{host}; frame-src 'none'; font-src 'self'; object-src 'none'; "
        "report-uri https://reports.example/csp/report"
    )
    return Policy("default-src 'self'; script-src 'self' 'report-sample'", after, fixed=number % 2 == 0)


def _pages() -> tuple[Page, ...]:
    found = []
    for host in _SITES:
        for number, section in enumerate(_SECTIONS):
            policy = _policy(host, number)
            for place in range(_PAGES_A_SECTION):
                path = f"{section}/{100 + place}" if place else section
                query = "?utm_source=mail&utm_campaign=winter" if place == 1 else ""
                found.append(Page(f"https://{host}/{path}{query}", f"https://{host}", policy))
    return tuple(found)


PAGES = _pages()


def visited(learned: Learned) -> tuple[Page, ...]:
    """The same pages, with policies of the lengths that were captured; as many of them with a nonce as there were."""
    lengths = [int(length) for length, number in learned.policy.items() for _ in range(number)]
    found = []
    for number, page in enumerate(PAGES):
        # Steps that meet every part of the list, each once, and its neighbours seldom.
        at, other, of_nonces = (number * step % len(PAGES) / len(PAGES) for step in (149, 211, 173))
        length, stricter = (lengths[int(share * len(lengths))] for share in (at, other))
        fixed = of_nonces >= learned.nonces
        host = page.origin.removeprefix("https://")
        policies = _long(host, length, (), fixed=fixed), _long(host, stricter, _STRICTER, fixed=fixed)
        found.append(Page(page.url.partition("?")[0], page.origin, *policies))
    return tuple(found)


_STRICTER = ("require-trusted-types-for 'script'", "trusted-types app")
_REPORTING = 30  # characters that `report-to` or `report-uri` take, about


def _long(host: str, length: int, first: tuple[str, ...], *, fixed: bool) -> Policy:
    """About `length` characters, and never less than a whole policy's."""
    script = " script-src 'self' 'report-sample'" if not fixed or length > 120 else ""
    before = f"default-src 'self';{script}"
    parts = (
        *first, "base-uri 'none'", "form-action 'self'", f"img-src 'self' https://images.{host}",
        f"connect-src 'self' https://api.{host}", "object-src 'none'", f"style-src 'self' https://static.{host}",
        "font-src 'self'", "frame-src 'none'",
    )  # fmt: skip
    after = f" https://static.{host};" if script else ""
    room = length - _REPORTING - len(before) - len(after)
    for part in parts:
        room -= len(part) + 2
        if room < 0:
            return Policy(before, after, fixed)
        after += f" {part};"
    partners = " ".join(f"https://partner{number:03d}.{host}" for number in range(room // (len(host) + 20)))
    return Policy(before, f"{after} media-src 'self' {partners};", fixed)
