"""The made-up world that the traffic comes from: browsers, pages with their policies, and hosts that get blocked."""

from typing import NamedTuple

BLOCKED_HOSTS = 5000
_SITES = ("www.shop.example", "m.shop.example", "blog.shop.example", "news.example", "sport.news.example",
          "account.bank.example", "app.notes.example", "www.travel.example")  # fmt: skip
_SECTIONS = ("start", "product", "search", "help", "world", "cart", "offers", "about", "settings", "archive")
_PAGES_A_SECTION = 5
_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


class Agent(NamedTuple):
    weight: int
    engine: str  # chromium, firefox or webkit: how it spells a report
    text: str


class Policy(NamedTuple):
    """The text before and after the place of a nonce; `fixed`: it needs none."""

    before: str
    after: str
    fixed: bool


class Page(NamedTuple):
    url: str
    origin: str
    policy: Policy


class Breach(NamedTuple):
    """A way to break a policy. `{host}` in `blocked` is a blocked host, `{number}` makes the URL one of its kind."""

    weight: int
    directive: str
    blocked: str
    placed: bool = False  # it has a source file, a line and a column
    sample: str = ""


BREACHES = (
    Breach(26, "img-src", "https://{host}/p/{number}.gif"),
    Breach(22, "script-src-elem", "https://{host}/tag.js", placed=True),
    Breach(12, "script-src-elem", "inline", placed=True, sample="window.dataLayer = window.dataLayer || ["),
    Breach(11, "connect-src", "https://{host}/v2/collect", placed=True),
    Breach(8, "style-src-attr", "inline", placed=True, sample="display:none"),
    Breach(6, "font-src", "https://{host}/f/{number}.woff2"),
    Breach(5, "frame-src", "https://{host}/embed/{number}"),
    Breach(4, "style-src-elem", "https://{host}/c/{number}.css"),
    Breach(3, "script-src", "eval", placed=True),
    Breach(3, "script-src-elem", "chrome-extension", placed=True),
)


def _agents() -> tuple[Agent, ...]:
    """Some dozens; the newest versions are the most frequent, as on the Web."""
    systems = ((30, "Windows NT 10.0; Win64; x64", ""), (14, "Linux; Android 10; K", "Mobile "),
               (9, "Macintosh; Intel Mac OS X 10_15_7", ""), (3, "X11; Linux x86_64", ""))  # fmt: skip
    found = []
    for age, version in enumerate(range(156, 150, -1)):
        for weight, system, mobile in systems:
            text = f"Mozilla/5.0 ({system}) {_WEBKIT} Chrome/{version}.0.0.0 {mobile}Safari/537.36"
            found.append(Agent(max(1, weight * 10 >> age * 2), "chromium", text))
        text = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/{version}.0.0.0 Safari/537.36"
        found.append(Agent(max(1, 80 >> age * 2), "chromium", f"{text} Edg/{version}.0.0.0"))
    for version in (157, 156, 153, 140):
        for system in ("Windows NT 10.0; Win64; x64", "X11; Linux x86_64"):
            text = f"Mozilla/5.0 ({system}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
            found.append(Agent(15, "firefox", text))
    for release in ("26.1", "26.0", "18.6"):
        mac = "Macintosh; Intel Mac OS X 10_15_7"
        phone = "iPhone; CPU iPhone OS 18_7 like Mac OS X"
        kit = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
        found.append(Agent(60, "webkit", f"Mozilla/5.0 ({mac}) {kit} Version/{release} Safari/605.1.15"))
        found.append(Agent(80, "webkit", f"Mozilla/5.0 ({phone}) {kit} Version/{release} Mobile/15E148 Safari/604.1"))
    return tuple(found)


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


AGENTS = _agents()
PAGES = _pages()
