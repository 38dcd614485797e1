"""Signing in with a token in a browser, staying in, and out again."""

import time

import pytest
from itsdangerous import URLSafeTimedSerializer
from starlette.applications import Starlette

from dashboards.access import attempts, next_page, sessions
from tests.dashboards.access.conftest import TOKEN, VIEWER_TOKEN
from tests.support.visits import Visit

HTTPS = "https://console.example"


def test_a_page_leads_to_the_login_and_the_login_back_to_the_page(locked: Starlette):
    visit = Visit(locked)
    asked = visit.get("/?sort=biggest&q=a%20b")
    assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=/%3Fsort%3Dbiggest%26q%3Da%2520b")
    assert 'value="/?sort=biggest&amp;q=a%20b"' in visit.get(asked.headers["location"]).text
    signed_in = visit.sign_in(TOKEN, "/?sort=biggest&q=a%20b")
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/?sort=biggest&q=a%20b")
    assert visit.get("/").status_code == 200


def test_who_is_signed_in_is_led_past_the_login(locked: Starlette):
    visit = Visit(locked)
    visit.sign_in(TOKEN)
    assert visit.get("/login?next=/api/totals").headers["location"] == "/api/totals"


def test_where_the_console_is_open_there_is_nothing_to_sign_in_to(unlocked: Starlette):
    assert Visit(unlocked).get("/login").headers["location"] == "/"


def test_the_cookie_is_out_of_reach_of_scripts_other_sites_and_plain_http(console):
    for base, secure in (("http://127.0.0.1:8081", False), (HTTPS, True)):
        visit = Visit(console(url=HTTPS), base)
        told = [cookie for cookie in visit.sign_in(TOKEN).headers.get_list("set-cookie") if "Max-Age=43200" in cookie]
        assert len(told) == 1
        parts = {part.strip().lower() for part in told[0].split(";")}
        assert {"httponly", "samesite=strict", "path=/"} <= parts
        assert ("secure" in parts) is secure
        assert told[0].startswith("__Host-csp-sentinel=" if secure else "csp-sentinel=")
        assert "domain" not in told[0].lower()


def test_behind_a_proxy_that_ends_tls_the_cookie_is_secure_by_the_consoles_address(console):
    visit = Visit(console(url=HTTPS), "http://console.example")
    assert all("; Secure" in cookie for cookie in visit.get("/login").headers.get_list("set-cookie"))


@pytest.mark.parametrize("wrong", ["", "x", TOKEN + "x", TOKEN[:-1], "\x00", "ü" * 5000])
def test_a_wrong_token_gets_the_form_again_and_no_session(locked: Starlette, wrong: str):
    visit = Visit(locked)
    found = visit.sign_in(wrong)
    assert found.status_code == 403
    assert "not the token" in found.text
    assert not visit.cookie()
    assert visit.get("/").status_code == 303


def test_a_flood_of_wrong_tokens_is_put_off_and_who_is_in_stays_in(locked: Starlette):
    inside, outside = Visit(locked), Visit(locked)
    inside.sign_in(TOKEN)
    for _ in range(attempts.OF_ONE):
        outside.sign_in("wrong")
    found = outside.sign_in(TOKEN)
    assert found.status_code == 429
    assert int(found.headers["retry-after"]) > 0
    assert Visit(locked, address="192.0.2.9").sign_in(TOKEN).status_code == 303
    assert inside.get("/").status_code == 200


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "evil.example",
     "/\t/evil.example", "/\r\nSet-Cookie: a=b", "javascript:alert(1)", "", " /", "/ü",
     "/" + "a" * 3000, "///evil.example", "/a\\b"],
)  # fmt: skip
def test_the_login_leads_to_no_other_site_and_into_no_header(locked: Starlette, wanted: str):
    visit = Visit(locked)
    found = visit.sign_in(TOKEN, wanted)
    assert (found.status_code, found.headers["location"]) == (303, "/")
    assert "a" not in visit.cookies


@pytest.mark.parametrize("query", ["next=//evil.example", "next=/%0d%0aX:%20y", "next=%2f%5cevil.example", "next=%00"])
def test_nor_does_its_form(locked: Starlette, query: str):
    assert 'name="next" value="/"' in Visit(locked).get(f"/login?{query}").text


def test_local_addresses_are_left_as_they_are():
    for text in ("/", "/violations/0?a=b&c=%0d", "/.//evil.example", "/@evil.example", "/:80"):
        assert next_page.local(text) == text


@pytest.mark.parametrize("path", ["//evil.example", "/\r\nx", "/\\evil.example"])
def test_a_path_asked_for_is_no_way_to_another_site_either(locked: Starlette, path: str):
    """An ASGI server hands the path on as it came."""

    async def asked(scope, receive, send):
        await locked({**scope, "path": path}, receive, send)

    location = Visit(asked).get("/").headers["location"]
    assert location.startswith("/login")
    assert "//" not in location
    assert "\n" not in location


def test_a_session_planted_before_is_not_the_one_after(locked: Starlette):
    attacker, victim = Visit(locked), Visit(locked)
    attacker.sign_in(VIEWER_TOKEN)
    form = {"csrf": victim.csrf(), "token": TOKEN}
    told = victim.post("/login", form, cookie=f"csp-sentinel={attacker.cookie()}; {victim.held()}")
    assert told.status_code == 303
    assert victim.cookie() not in {"", attacker.cookie()}
    assert "viewer" in attacker.get("/").text


def test_the_cookie_of_the_form_is_no_session_and_a_session_none_of_the_form(locked: Starlette):
    visit = Visit(locked)
    visit.get("/login")
    assert visit.alone_with(visit.cookie("csp-sentinel-login")).get("/").status_code == 303
    visit.sign_in(TOKEN)
    assert visit.alone_with(visit.cookie(), "csp-sentinel-login").sign_in(TOKEN).status_code == 303


@pytest.mark.parametrize("csrf", ["", "0" * 64, "ü"])
def test_the_form_is_taken_only_from_the_browser_it_was_shown_in(locked: Starlette, csrf: str):
    visit, other = Visit(locked), Visit(locked)
    visit.get("/login")
    assert visit.post("/login", {"token": TOKEN, "csrf": csrf}).status_code == 403
    assert visit.post("/login", {"token": TOKEN, "csrf": other.csrf()}).status_code == 403
    assert not visit.cookie()


def altered(cookie: str) -> list[str]:
    value, time, signature = cookie.split(".")
    forger = URLSafeTimedSerializer(b"", salt="session")
    return [
        "", ".", "..", "a.b.c", value, f"{value}.{time}", f"{value}.{time}.", f"{value}..{signature}",
        f"{value}.{time}.{signature[:-2]}", f"{value[:-1]}.{time}.{signature}", f"{value}.zzzzzz.{signature}",
        forger.dumps(["a", "token", "editor"]), "ü", "\x00", cookie * 20, "." + cookie,
    ]  # fmt: skip


def test_forged_and_altered_cookies_open_nothing(locked: Starlette):
    visit = Visit(locked)
    visit.sign_in(VIEWER_TOKEN)
    for cookie in altered(visit.cookie()):
        answer = Visit(locked).get("/", cookie=f"csp-sentinel={cookie}".encode())
        assert answer.status_code == 303, cookie


def test_a_session_ends_by_itself(locked: Starlette, monkeypatch):
    visit = Visit(locked)
    visit.sign_in(TOKEN)
    now = time.time()
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now + sessions.SECONDS - 5)
    assert visit.get("/").status_code == 200
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now + sessions.SECONDS + 5)
    assert visit.alone_with(visit.cookie()).get("/").status_code == 303


def test_signing_out_ends_the_session_and_a_copy_of_it(locked: Starlette):
    for token in (TOKEN, VIEWER_TOKEN):
        visit = Visit(locked)
        visit.sign_in(token)
        copy = visit.alone_with(visit.cookie())
        assert copy.get("/").status_code == 200
        out = visit.post("/logout", {"csrf": visit.csrf("/form")})
        assert (out.status_code, out.headers["location"]) == (303, "/login")
        assert not visit.cookie()
        assert copy.get("/").status_code == 303


def test_nobody_is_signed_out_by_another_site(locked: Starlette):
    visit = Visit(locked)
    visit.sign_in(TOKEN)
    csrf = visit.csrf("/form")
    assert visit.get("/logout").status_code == 405
    assert visit.post("/logout", {"csrf": ""}).status_code == 403
    assert visit.post("/logout", {"csrf": csrf}, origin="https://evil.example").status_code == 403
    assert visit.get("/").status_code == 200


def test_sessions_outlive_a_restart_but_no_change_of_who_may_get_in(console):
    visit = Visit(console())
    visit.sign_in(TOKEN)

    def answered(**terms: object) -> int:
        return Visit(console(**terms)).get("/", cookie=f"csp-sentinel={visit.cookie()}").status_code

    assert answered() == 200
    assert answered(token="another") == answered(viewer_token="another") == answered(secret=b"t" * 32) == 303


def test_a_cookie_of_plain_http_is_none_of_https(console):
    app = console(url=HTTPS)
    plain = Visit(app)
    plain.sign_in(TOKEN)
    assert Visit(app, HTTPS).get("/", cookie=f"csp-sentinel={plain.cookie()}").status_code == 303


def test_a_page_opened_from_another_site_asks_once_more_because_its_cookie_was_kept_back(locked: Starlette):
    found = Visit(locked).get("/violations/0", **{"sec-fetch-site": "cross-site"})
    assert (found.status_code, found.headers["refresh"]) == (200, "0")
    assert found.text == ""


def test_what_is_signed_in_and_out_is_logged_without_tokens(locked: Starlette, caplog):
    caplog.set_level("INFO", "sentinel.console")
    visit = Visit(locked)
    visit.sign_in("not-the-token")
    visit.sign_in(TOKEN)
    visit.post("/logout", {"csrf": visit.csrf("/")})  # of the button that every page has
    said = [record.getMessage() for record in caplog.records]
    assert said == ["a wrong token was given at the login", "token signed in as editor", "token signed out"]
