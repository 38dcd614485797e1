"""Signing in at a provider: what must be right for it, and each lie that must not get in."""

import base64
import hashlib
import html
import re
import time
import warnings
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import OctKey, RSAKey
from starlette.applications import Starlette

from dashboards.access.terms import Provider
from tests.support.provider import CLIENT_ID, CLIENT_SECRET, EMAIL, Lying, lying_provider
from tests.support.visits import HERE, Visit

Console = Callable[..., Starlette]


@pytest.fixture(scope="module")
def running() -> Iterator[Lying]:
    with lying_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: Lying) -> Lying:
    running.forget()
    return running


@pytest.fixture
def opened(console: Console, provider: Lying) -> Console:
    """A console at which the people of shop.example edit."""

    def made(
        editors: tuple[str, ...] = ("@shop.example",), viewers: tuple[str, ...] = (), **terms: object
    ) -> Starlette:
        its = Provider(provider.issuer, CLIENT_ID, CLIENT_SECRET, editors, viewers)
        return console(**{"token": None, "viewer_token": "", "provider": its} | terms)

    return made


def begin(visit: Visit, provider: Lying, wanted: str = "/") -> dict[str, str]:
    """What the browser takes along to the provider, which remembers the nonce."""
    there = visit.get(f"/login/provider?next={wanted}")
    assert there.status_code == 303, there.text
    assert there.headers["location"].startswith(f"{provider.issuer}/authorize?")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(there.headers["location"]).query).items()}
    provider.nonce = asked["nonce"]
    return asked


def sign_in(visit: Visit, provider: Lying, wanted: str = "/") -> httpx.Response:
    return visit.get(f"/login/back?code=c&state={begin(visit, provider, wanted)['state']}")


def test_who_is_known_there_comes_in_and_goes_on_to_the_page_asked_for(opened: Console, provider: Lying):
    visit = Visit(opened())
    assert "/login/provider?next=/" in visit.get("/login").text
    found = sign_in(visit, provider, "/violations/0%3Fa=b")
    assert (found.status_code, found.headers["location"]) == (303, "/violations/0?a=b")
    assert EMAIL in visit.get("/").text
    assert visit.post("/change/form", {"csrf": visit.csrf("/form")}).json()["name"] == EMAIL
    told = next(text for text in found.headers.get_list("set-cookie") if text.startswith("csp-sentinel="))
    assert "HttpOnly" in told
    assert "SameSite=lax" in told  # the browser comes from the provider's site
    assert not visit.cookie("csp-sentinel-provider")


def test_state_nonce_and_a_proof_key_go_along(opened: Console, provider: Lying):
    visit = Visit(opened())
    asked = begin(visit, provider)
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert (asked["client_id"], asked["redirect_uri"]) == (CLIENT_ID, f"{HERE}/login/back")
    assert visit.get(f"/login/back?code=c&state={asked['state']}").status_code == 303
    [form] = provider.asked
    proof = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(proof).decode().rstrip("=") == asked["code_challenge"]


def test_the_way_back_is_the_public_address(opened: Console, provider: Lying):
    visit = Visit(opened(url="https://console.example"), "https://console.example")
    assert begin(visit, provider)["redirect_uri"] == "https://console.example/login/back"


NOW = int(time.time())
LIES = {
    "another nonce": {"nonce": "x"},
    "no nonce": {"nonce": None},
    "for another client": {"aud": "another"},
    "for another client, passed on to us": {"aud": "another", "azp": CLIENT_ID},
    "for two, made for the other": {"aud": [CLIENT_ID, "another"], "azp": "another"},
    "for nobody": {"aud": None},
    "of another issuer": {"iss": "https://evil.example"},
    "of nobody": {"iss": None},
    "expired": {"exp": NOW - 3600},
    "without end": {"exp": None},
    "not yet": {"nbf": NOW + 3600},
    "from the future": {"iat": NOW + 3600},
    "of no subject": {"sub": None},
    "of another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


@pytest.mark.parametrize("lie", LIES)
def test_an_id_token_that_is_not_of_this_sign_in_gets_nobody_in(opened: Console, provider: Lying, lie: str):
    visit = Visit(opened(viewers=("*",)))
    provider.claims = LIES[lie]
    found = sign_in(visit, provider)
    assert found.status_code == 502
    assert "can't be trusted" in html.unescape(found.text)
    assert not visit.cookie()


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256", "RS256 with its own key"])
def test_nor_does_one_that_the_provider_did_not_sign(opened: Console, provider: Lying, algorithm: str):
    """HS256: whoever knows the client's secret, or takes the public key for one."""
    visit = Visit(opened())
    provider.header = {"alg": algorithm.partition(" ")[0], "kid": "one"}
    provider.signing = OctKey.import_key(CLIENT_SECRET) if algorithm in {"HS256", "none"} else RSAKey.generate_key(2048)
    if "own" in algorithm:
        provider.header["jwk"] = provider.signing.as_dict(private=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library of the one who signs advises against it
        found = sign_in(visit, provider)
    assert found.status_code == 502
    assert not visit.cookie()


@pytest.mark.parametrize("claims", [
    {"email_verified": False}, {"email_verified": None}, {"email_verified": "true"}, {"email_verified": 1},
    {"email": ""}, {"email": "editor"}, {"email": "a@b@shop.example"}, {"email": ["editor@shop.example"]},
    {"email": "x y@shop.example"}, {"email": "<b>@shop.example"}, {"email": "\u202ea@shop.example"},
])  # fmt: skip
def test_only_a_verified_address_counts(opened: Console, provider: Lying, claims: dict):
    visit = Visit(opened(viewers=("*",)))
    provider.claims = claims
    if claims == {"email": "<b>@shop.example"}:  # odd, but an address
        assert sign_in(visit, provider).status_code == 303
        assert "<b>@shop" not in visit.get("/").text
        return
    found = sign_in(visit, provider)
    assert found.status_code == 403
    assert "verified" in found.text


@pytest.mark.parametrize("editors, viewers, claims, role", [
    ((), (EMAIL,), {}, "viewer"),
    ((EMAIL,), ("*",), {}, "editor"),
    ((EMAIL,), ("*",), {"email": "Other@Mail.example"}, "viewer"),
    (("@shop.example",), (), {"email": "Any@Shop.Example"}, "editor"),
    (("@shop.example",), (), {"email": "a@sub.shop.example"}, None),
    (("@shop.example",), (), {"email": "a@shop.example.evil.example"}, None),
    (("@shop.example",), (), {"email": "a@evilshop.example"}, None),
    (("security",), ("everybody",), {"groups": ["everybody", "security"]}, "editor"),
    (("security",), ("everybody",), {"groups": ["everybody"]}, "viewer"),
    (("security",), (), {"groups": "security"}, None),
    (("security",), (), {"groups": ["Security", 1, None, {}]}, None),
    (("boss@shop.example", "@owner.example"), (), {"groups": ["boss@shop.example", "@owner.example"]}, None),
    (("*",), (), {"email": "a@anywhere.example", "groups": []}, "editor"),
    (("security",), (), {"groups": ["*"]}, None),
])  # fmt: skip
def test_who_edits_and_who_reads(opened: Console, provider: Lying, editors, viewers, claims, role):
    visit = Visit(opened(editors, viewers))
    provider.claims = claims
    found = sign_in(visit, provider)
    assert found.status_code == (403 if role is None else 303)
    if role is None:
        assert not visit.cookie()
    else:
        changed = visit.post("/change/form", {"csrf": visit.csrf("/form")})
        assert changed.status_code == (200 if role == "editor" else 403)


def test_groups_told_at_userinfo_alone_count_where_groups_are_listed(opened: Console, provider: Lying):
    provider.userinfo = {"sub": "one", "groups": ["security"]}
    assert sign_in(Visit(opened(editors=("security",))), provider).status_code == 303
    provider.userinfo = {"sub": "one", "groups": ["sales"]}
    assert sign_in(Visit(opened(editors=("security",))), provider).status_code == 403


def test_a_provider_may_change_its_key_without_naming_it(opened: Console, provider: Lying):
    provider.header = {"alg": "RS256"}
    app = opened()
    assert sign_in(Visit(app), provider).status_code == 303
    provider.key = provider.signing = RSAKey.generate_key(2048, {"use": "sig"})
    assert sign_in(Visit(app), provider).status_code == 303
    asked = provider.requests
    provider.signing = RSAKey.generate_key(2048, {"use": "sig"})
    assert [sign_in(Visit(app), provider).status_code for _ in range(3)] == [502] * 3
    assert provider.requests - asked == 3  # its tokens; its keys were asked for a moment ago


def test_an_address_told_at_userinfo_alone_counts_if_it_is_of_the_same_person(opened: Console, provider: Lying):
    app = opened()
    provider.claims = {"email": None, "email_verified": None}
    provider.userinfo = {"sub": "another", "email": EMAIL, "email_verified": True}
    assert sign_in(Visit(app), provider).status_code == 502
    provider.userinfo["sub"] = "one"
    assert sign_in(Visit(app), provider).status_code == 303
    provider.userinfo["email_verified"] = False
    assert sign_in(Visit(app), provider).status_code == 403


def test_a_sign_in_begun_in_another_browser_is_not_ended_here(opened: Console, provider: Lying):
    app = opened()
    attacker, victim = Visit(app), Visit(app)
    foreign = begin(attacker, provider)["state"]
    begin(victim, provider)
    for visit, state in ((victim, foreign), (Visit(app), foreign), (victim, ""), (victim, "ü"), (victim, "\x00")):
        found = visit.ask("GET", "/login/back", params={"code": "c", "state": state})
        assert found.status_code == 400
        assert "not begun in this browser" in found.text
        assert not visit.cookie()
    assert provider.asked == []


def test_a_sign_in_ends_once_and_soon(opened: Console, provider: Lying, monkeypatch):
    app = opened()
    visit = Visit(app)
    state = begin(visit, provider)["state"]
    now = time.time()
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: now + 605)
    assert visit.get(f"/login/back?code=c&state={state}").status_code == 400
    monkeypatch.undo()
    sign_in(visit, provider)
    assert Visit(app).get(f"/login/back?code=c&state={state}").status_code == 400


@pytest.mark.parametrize(
    "error, shown", [("access_denied", "access_denied"), ("<script>", "an error"), ("", "an error")]
)
def test_a_refusal_there_is_told_here(opened: Console, provider: Lying, error: str, shown: str):
    visit = Visit(opened())
    state = begin(visit, provider)["state"]
    found = visit.ask("GET", "/login/back", params={"error": error, "state": state, "error_description": "<b>"})
    assert found.status_code == 403
    assert f"did not sign you in: {shown}." in found.text
    assert "<b>" not in found.text


@pytest.mark.parametrize("answer", [
    {"error": "invalid_grant"}, {"id_token": None}, {"id_token": "a.b.c"}, {"id_token": 7},
])  # fmt: skip
def test_a_code_that_is_none_gets_nobody_in(opened: Console, provider: Lying, answer: dict):
    visit = Visit(opened())
    provider.token = answer
    assert sign_in(visit, provider).status_code in {403, 502}
    assert not visit.cookie()


@pytest.mark.parametrize("said", [
    {"issuer": "https://evil.example"}, {"issuer": None}, {"authorization_endpoint": None}, {"issuer": {}},
])  # fmt: skip
def test_a_provider_that_says_odd_things_of_itself_is_not_used_and_asked_again(opened, provider: Lying, said: dict):
    visit = Visit(opened())
    provider.said = said
    assert visit.get("/login/provider").status_code == 502
    provider.said = {}
    assert visit.get("/login/provider").status_code in {303, 502}


def test_what_a_provider_offers_is_used(opened: Console, provider: Lying):
    provider.said = {
        "scopes_supported": ["openid", "groups"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    }
    visit = Visit(opened())
    asked = begin(visit, provider)
    assert asked["scope"] == "openid email groups"
    assert visit.get(f"/login/back?code=c&state={asked['state']}").status_code == 303
    assert provider.asked[0]["client_secret"] == CLIENT_SECRET


def test_a_provider_that_is_away_is_told_in_a_sentence_and_asked_again(console: Console, caplog):
    away = Provider("http://127.0.0.1:1", CLIENT_ID, CLIENT_SECRET, ("*",))
    visit = Visit(console(None, viewer_token="", provider=away))
    assert visit.get("/").status_code == 303  # the console itself starts and answers
    found = visit.get("/login/provider")
    assert found.status_code == 503
    assert "can't be reached" in html.unescape(found.text)
    assert "127.0.0.1:1: ConnectError" in caplog.text


def test_the_provider_is_asked_what_it_is_once(opened: Console, provider: Lying):
    visit = Visit(opened())
    for _ in range(3):
        begin(visit, provider)
    assert provider.requests == 1


def test_the_login_leads_to_no_other_site(opened: Console, provider: Lying):
    assert sign_in(Visit(opened()), provider, "//evil.example").headers["location"] == "/"


def test_no_secret_stands_in_what_the_browser_is_given(opened: Console, provider: Lying):
    visit = Visit(opened())
    there = visit.get("/login/provider")
    assert CLIENT_SECRET not in there.headers["location"]
    value = visit.cookie("csp-sentinel-provider").partition(".")[0]
    assert CLIENT_SECRET.encode() not in base64.urlsafe_b64decode(value + "==")
    assert "code_verifier" not in there.headers["location"]


def test_tokens_and_a_provider_may_both_open_it(opened: Console, provider: Lying):
    app = opened(token="both")
    page = Visit(app).get("/login").text
    assert "/login/provider" in page
    assert 'name="token"' in page


@pytest.mark.filterwarnings("ignore")  # it uses what Authlib calls deprecated
def test_a_provider_of_somebody_elses_making_lets_people_in(console: Console):
    import oidc_provider_mock

    people = [oidc_provider_mock.User(sub="one", claims={"email": EMAIL, "email_verified": True})]
    with oidc_provider_mock.run_server_in_thread(user_claims=people, require_nonce=True) as server:
        issuer = f"http://localhost:{server.server_port}"
        its = Provider(issuer, CLIENT_ID, CLIENT_SECRET, (EMAIL,))
        visit = Visit(console(None, viewer_token="", provider=its))
        there = visit.get("/login/provider").headers["location"]
        assert "<form" in httpx.get(there).text
        back = httpx.post(there, data={"sub": "one"}).headers["location"]
        assert re.match(re.escape(f"{HERE}/login/back?"), back)
        assert visit.get(back.removeprefix(HERE)).headers["location"] == "/"
        assert EMAIL in visit.get("/").text
