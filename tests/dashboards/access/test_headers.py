"""What browsers are told with every answer."""

import pytest
from starlette.applications import Starlette

from tests.support.asgi import ask

PATHS = ["/", "/api/totals", "/api/export", "/violations/" + "0" * 32, "/nothing", "/static/frame.css", "/health",
         "/ready", "/api/totals?x=1", "/login", "/logout", "/login/back"]  # fmt: skip
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
EXPECTED = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def told(app: Starlette, path: str, host: str = "127.0.0.1:8081") -> dict[str, str]:
    return ask(app, path, headers=(("host", host), ("accept", "text/html"))).headers


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_them(locked: Starlette, unlocked: Starlette, path: str):
    for app in (locked, unlocked):
        for host in ("127.0.0.1:8081", "evil.example"):
            found = told(app, path, host)
            assert {name: found[name] for name in EXPECTED} == EXPECTED
            assert "strict-transport-security" not in found


def test_a_browser_that_came_by_https_is_told_to_stay_there(console):
    app = console(url="https://console.example")
    assert told(app, "/login", "console.example")["strict-transport-security"] == "max-age=31536000"
    assert "strict-transport-security" not in told(app, "/login", "localhost")


@pytest.mark.parametrize(
    "collector, url, host, where",
    [
        (8080, "", "localhost:8081", "http://localhost:8080"),
        (8080, "", "[::1]:8081", "http://[::1]:8080"),
        (8080, "http://console.example", "console.example", "http://console.example:8080"),
        ("https://csp.example", "", "localhost", "https://csp.example"),
        ("https://csp.example", "https://console.example", "console.example", "https://csp.example"),
    ],
)
def test_the_consoles_own_violations_go_to_the_collector(console, collector, url, host, where):
    found = told(console(collector=collector, url=url), "/login", host)
    assert found["content-security-policy"] == f"{POLICY}; report-uri {where}/csp/report/console"


@pytest.mark.parametrize("collector, host", [(None, "localhost"), (8080, "console.example"), (8080, "evil.example")])
def test_they_go_nowhere_where_no_collector_can_be_reached_or_the_name_is_not_ours(console, collector, host):
    app = console(collector=collector, url="https://console.example")
    assert told(app, "/login", host)["content-security-policy"] == POLICY
