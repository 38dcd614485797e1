"""Tokens, as programs send them."""

import base64
import hmac

import pytest
from starlette.applications import Starlette

from dashboards.access import attempts
from tests.dashboards.access.conftest import TOKEN, VIEWER_TOKEN
from tests.support.asgi import ask

HOST = ("host", "127.0.0.1:8081")
PATHS = ["/", "/api/totals", "/api/export", "/violations/" + "0" * 32, "/nothing", "/logout"]


def headers(authorization: str = "") -> tuple[tuple[str, str], ...]:
    return (HOST, ("authorization", authorization)) if authorization else (HOST,)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("path", PATHS)
def test_with_a_token_nothing_is_told_without_it(locked: Starlette, path: str):
    found = ask(locked, path, headers=headers())
    assert found.status == 401
    assert found.headers["content-type"] == "application/problem+json"
    assert found.headers["www-authenticate"]


@pytest.mark.parametrize("wrong", [
    "Bearer", "Bearer ", "Bearer x", "bearer " + TOKEN + "x", basic("user:wrong"), basic(TOKEN), basic("user"),
    "Basic !!!", "Basic", "Digest " + TOKEN, TOKEN, basic(TOKEN + ":"), "Bearer " + TOKEN[:-1], basic(":"),
])  # fmt: skip
def test_a_wrong_token_is_refused(locked: Starlette, wrong: str):
    assert ask(locked, "/api/totals", headers=headers(wrong)).status == 401


@pytest.mark.parametrize("right", ["Bearer " + TOKEN, "bearer  " + TOKEN, basic("anyone:" + TOKEN), basic(":" + TOKEN),
                                   "Bearer " + VIEWER_TOKEN, basic("x:" + VIEWER_TOKEN)])  # fmt: skip
def test_both_tokens_open_as_bearer_and_as_any_users_password(locked: Starlette, right: str):
    assert ask(locked, "/api/totals", headers=headers(right)).status == 200


@pytest.mark.parametrize("query", [f"token={VIEWER_TOKEN}", f"access_token={VIEWER_TOKEN}", f"next={VIEWER_TOKEN}"])
def test_a_token_in_an_address_opens_nothing(locked: Starlette, query: str):
    assert ask(locked, f"/api/totals?{query}", headers=headers()).status == 401


def test_a_script_of_a_page_is_told_without_a_dialogue_of_the_browser(locked: Starlette):
    told = ask(locked, "/api/totals", headers=(HOST, ("sec-fetch-dest", "empty"))).headers["www-authenticate"]
    assert told.startswith("Bearer")


def test_an_empty_token_opens_nothing_where_there_is_no_viewers(console):
    assert ask(console(viewer_token=""), "/api/totals", headers=headers("Bearer ")).status == 401


def test_tokens_are_compared_in_constant_time_and_with_all(locked: Starlette, monkeypatch):
    compared = []

    def noted(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return real(one, other)

    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", noted)
    for given in ("x", VIEWER_TOKEN):
        compared.clear()
        ask(locked, "/api/totals", headers=headers("Bearer " + given))
        assert compared == [TOKEN.encode(), VIEWER_TOKEN.encode()]


def test_a_flood_of_wrong_tokens_is_put_off_and_so_is_a_right_guess_in_it(locked: Starlette):
    for _ in range(attempts.OF_ONE):
        assert ask(locked, "/api/totals", headers=headers("Bearer wrong")).status == 401
    for given in ("wrong", VIEWER_TOKEN):
        found = ask(locked, "/api/totals", headers=headers("Bearer " + given))
        assert found.status == 429
        assert 1 <= int(found.headers["retry-after"]) <= attempts.WINDOW_SECONDS + 1


class TestAttempts:
    def test_are_counted_by_address_and_by_the_first_half_of_an_ipv6_address(self):
        counted = attempts.Attempts(now=lambda: 600.0)
        for number in range(attempts.OF_ONE):
            counted.failed(f"2001:db8::{number:x}")
        assert counted.wait("2001:db8::ffff:1") > 0
        assert counted.wait("2001:db8:0:1::1") == counted.wait("192.0.2.1") == counted.wait("") == 0

    def test_are_borne_again_in_the_next_minute(self):
        time = 630.0
        counted = attempts.Attempts(now=lambda: time)
        for _ in range(attempts.OF_ONE):
            counted.failed("192.0.2.1")
        assert counted.wait("192.0.2.1") == 31
        time = 661.0
        assert counted.wait("192.0.2.1") == 0

    def test_from_many_addresses_are_limited_in_all(self):
        counted = attempts.Attempts(now=lambda: 600.0)
        for number in range(attempts.OF_ALL):
            counted.failed(f"192.0.2.{number}")
        assert counted.wait("198.51.100.1") > 0
