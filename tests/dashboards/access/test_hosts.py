"""The names the console goes by: a page that points a name of its own at it gets nothing."""

import pytest
from starlette.applications import Starlette

from tests.dashboards.access.conftest import TOKEN
from tests.support.asgi import ask

OPEN_TO_ALL = {"host": "0.0.0.0", "url": "https://console.example:8443"}
LOOPBACK = ["localhost", "LOCALHOST:1", "127.0.0.1:8081", "127.1.2.3", "[::1]:8081", "[::1]"]
FOREIGN = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.7", "", "evil.example:8081",
           "[::2]", "localhost:8081@evil", "localhost:8081/evil", "localhost evil", "127.0.0.1:8081, evil", "a\tb",
           "console.example.", "localhost:", "[::1", "ü", "localhost;script-src *"]  # fmt: skip


def status(app: Starlette, *hosts: str, authorization: str = "Bearer " + TOKEN) -> int:
    named = tuple(("host", host) for host in hosts)
    return ask(app, "/api/totals", headers=(*named, ("authorization", authorization))).status


@pytest.mark.parametrize("host", LOOPBACK)
def test_this_machines_own_names_are_answered_with_and_without_login(locked, unlocked, host: str):
    assert status(unlocked, host) == 200
    assert status(locked, host) == 200


@pytest.mark.parametrize("host", FOREIGN)
def test_other_names_are_refused_because_they_may_be_rebound(locked, unlocked, host: str):
    for app, says in ((unlocked, "localhost"), (locked, "SENTINEL_CONSOLE_URL")):
        found = ask(app, "/api/totals", headers=(("host", host), ("authorization", "Bearer " + TOKEN)))
        assert found.status == 421
        assert says in found.json["detail"]
        assert "evil" not in found.headers["content-security-policy"]


def test_no_name_and_two_names_are_refused(locked: Starlette, unlocked: Starlette):
    for app in (locked, unlocked):
        assert (
            status(app) == status(app, "localhost", "evil.example") == status(app, "evil.example", "localhost") == 421
        )


@pytest.mark.parametrize("host", ["console.example:8443", "CONSOLE.example", "192.0.2.1:8081", "[2001:db8::1]:8081"])
def test_where_it_is_open_to_all_its_public_name_and_addresses_are_answered(console, host: str):
    """An address in figures can't be pointed elsewhere."""
    assert status(console(**OPEN_TO_ALL), host) == 200


@pytest.mark.parametrize("host", ["evil.example", "0x7f.1", "1.2.3.4.example", "sub.console.example"])
def test_but_no_other_names(console, host: str):
    assert status(console(**OPEN_TO_ALL), host) == 421


@pytest.mark.parametrize("bound, host", [("10.1.2.3", "10.1.2.3:8081"), ("fd00::1", "[fd00::1]")])
def test_bound_to_one_address_it_goes_by_that_and_no_other(console, bound: str, host: str):
    app = console(host=bound)
    assert status(app, host) == 200
    assert status(app, "10.9.9.9") == 421


@pytest.mark.parametrize("host, status_", [("csp.lan", 200), ("10.1.2.3:8081", 200), ("other.lan", 421)])
def test_bound_to_a_name_it_goes_by_that_and_its_addresses(console, host: str, status_: int):
    assert status(console(host="Csp.lan"), host) == status_


def test_without_login_a_public_address_opens_nothing(console):
    app = console(None, viewer_token="", url="http://console.example")
    assert status(app, "console.example") == 421


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_health_and_readiness_need_no_token_and_no_name(locked, unlocked, path: str):
    for app in (locked, unlocked):
        assert ask(app, path, headers=(("host", "10.0.0.7"),)).status == 200
        assert ask(app, path, headers=()).status == 200


@pytest.mark.parametrize("path", ["/login", "/static/frame.css"])
def test_the_login_is_not_shown_under_other_names(locked: Starlette, path: str):
    assert ask(locked, path, headers=(("host", "evil.example"),)).status == 421
