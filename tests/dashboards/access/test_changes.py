"""Who may change what, and that no page of another site can make a browser do it."""

import base64
import functools

import pytest
from starlette.applications import Starlette

from dashboards.access.changes import MOST_BYTES
from dashboards.app import build
from schema.sites import Sites
from sentinel.noise_apply import applied
from tests.dashboards.access.conftest import TOKEN, VIEWER_TOKEN
from tests.support.visits import HERE, Visit

BEARER = {"authorization": "Bearer " + TOKEN}
FOREIGN = [
    {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:9999"},
    {"origin": "https://127.0.0.1:8081"}, {"origin": ""}, {"origin": HERE + ".evil.example"},
    {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"sec-fetch-site": ""},
    {"sec-fetch-site": "cross-site", "origin": HERE}, {"sec-fetch-site": "same-origin", "origin": "null"},
]  # fmt: skip
OWN = [{}, {"origin": HERE}, {"origin": HERE, "sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}]


@pytest.fixture
def editor(locked: Starlette) -> Visit:
    visit = Visit(locked)
    visit.sign_in(TOKEN)
    return visit


@pytest.fixture
def here(unlocked: Starlette) -> Visit:
    return Visit(unlocked)


def form_of(visit: Visit, **more: str) -> dict[str, str]:
    return {"csrf": visit.csrf("/form"), **more}


class TestForms:
    @pytest.mark.parametrize("headers", OWN)
    def test_a_form_of_our_own_is_taken(self, editor: Visit, here: Visit, headers):
        for visit, name in ((editor, "token"), (here, "this machine")):
            found = visit.post("/change/form", form_of(visit, state="known", note=""), **headers)
            assert found.json() == {"name": name, "data": {"state": ["known"], "note": [""]}}

    @pytest.mark.parametrize("headers", FOREIGN)
    def test_a_form_of_another_sites_is_refused_even_with_the_right_field(self, editor: Visit, headers):
        found = editor.post("/change/form", form_of(editor), **headers)
        assert found.status_code == 403
        assert "not for pages of other sites" in found.text

    @pytest.mark.parametrize("csrf", [[], [""], ["0" * 64], ["ü"], ["0" * 64, "right"]])
    def test_without_the_right_field_it_is_refused(self, editor: Visit, here: Visit, csrf):
        for visit in (editor, here):
            right = editor.csrf("/form")
            given = [right if text == "right" else text for text in csrf]
            assert visit.post("/change/form", {"a": "b", "csrf": given}).status_code == 403

    def test_the_field_of_another_session_is_none(self, locked: Starlette, editor: Visit):
        other = Visit(locked)
        other.sign_in(TOKEN)
        assert editor.post("/change/form", {"csrf": other.csrf("/form")}).status_code == 403

    @pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/json", ""])
    def test_another_type_is_refused(self, editor: Visit, kind: str):
        found = editor.ask("POST", "/change/form", {"content-type": kind}, content=f"csrf={editor.csrf('/form')}")
        assert found.status_code == 415

    @pytest.mark.parametrize("body, status", [
        (b"a=" + b"x" * MOST_BYTES, 413), (b"a=%ff", 400), (b"\xff", 400), (b"&".join([b"a=1"] * 10_001), 400),
    ])  # fmt: skip
    def test_what_is_no_form_or_too_large_is_refused(self, editor: Visit, body: bytes, status: int):
        kind = {"content-type": "application/x-www-form-urlencoded"}
        assert editor.ask("POST", "/change/form", kind, content=body).status_code == status

    def test_a_program_with_its_token_needs_no_field(self, locked: Starlette):
        assert Visit(locked).post("/change/form", {"a": "b"}, **BEARER).json() == {
            "name": "token",
            "data": {"a": ["b"]},
        }

    def test_a_password_that_the_browser_remembers_is_no_program(self, locked: Starlette):
        basic = "Basic " + base64.b64encode(f"x:{TOKEN}".encode()).decode()
        assert Visit(locked).post("/change/form", {"a": "b"}, authorization=basic).status_code == 403


class TestJson:
    @pytest.mark.parametrize("headers", OWN)
    def test_our_own_scripts_and_programs_are_answered(self, editor: Visit, here: Visit, headers):
        for visit, name in ((editor, "token"), (here, "this machine")):
            found = visit.ask("POST", "/change/json", headers, json={"a": [1]})
            assert found.json() == {"name": name, "data": {"a": [1]}}

    @pytest.mark.parametrize("headers", FOREIGN)
    def test_pages_of_other_sites_are_not(self, editor: Visit, here: Visit, headers):
        for visit in (editor, here):
            assert visit.ask("POST", "/change/json", headers, json={}).status_code == 403

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
    def test_what_a_form_can_send_is_not(self, editor: Visit, here: Visit, kind: str):
        for visit in (editor, here):
            assert visit.ask("POST", "/change/json", {"content-type": kind}, content="{}").status_code == 415

    @pytest.mark.parametrize("body, status", [(b"{", 400), (b"\xff", 400), (b" " * MOST_BYTES + b"{}", 413)])
    def test_what_is_no_json_or_too_large_is_not(self, editor: Visit, body: bytes, status: int):
        kind = {"content-type": "application/json"}
        assert editor.ask("POST", "/change/json", kind, content=body).status_code == status

    def test_no_other_site_is_told_that_it_may_ask(self, editor: Visit):
        asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
        found = editor.ask("OPTIONS", "/change/json", asked)
        assert not [name for name in found.headers if name.startswith("access-control")]


class TestRoles:
    def test_a_viewer_reads_everything_and_changes_nothing(self, store, locked: Starlette):
        apply = functools.partial(applied, store, Sites)
        console = build(store, lambda: None, TOKEN, apply=apply)
        posted = {route.path for route in (*console.routes, *locked.routes) if "POST" in getattr(route, "methods", ())}
        assert posted == {
            "/change/form", "/change/json", "/api/noise/apply", "/api/sources/state", "/sources", "/login", "/logout",
        }  # fmt: skip
        visit = Visit(locked)
        visit.sign_in(VIEWER_TOKEN)
        for path in ("/", "/api/totals", "/api/export"):
            assert visit.get(path).status_code == 200
        found = visit.post("/change/form", {"csrf": visit.csrf("/form"), "a": "b"})
        assert found.status_code == 403
        assert "Viewers" in found.text
        assert visit.ask("POST", "/change/json", json={}).status_code == 403
        assert visit.post("/sources", {"csrf": visit.csrf("/form"), "state": "known"}).status_code == 403
        assert visit.ask("POST", "/api/sources/state", json={}).status_code == 403
        bearer = {"authorization": "Bearer " + VIEWER_TOKEN}
        assert Visit(locked).ask("POST", "/change/json", bearer, json={}).status_code == 403

    def test_labelling_history_again_needs_an_editor(self, store, console):
        app = console()
        changes = build(store, lambda: None, TOKEN, apply=functools.partial(applied, store, Sites))
        noise = next(route for route in changes.routes if getattr(route, "path", "") == "/api/noise/apply")
        app.router.routes.insert(0, noise)
        viewer = {"authorization": "Bearer " + VIEWER_TOKEN}
        assert Visit(app).ask("POST", "/api/noise/apply", viewer, json={}).status_code == 403
        assert Visit(app).ask("POST", "/api/noise/apply", BEARER, json={}).status_code == 200

    def test_whoever_is_not_known_changes_nothing(self, locked: Starlette):
        for headers in ({}, {"origin": HERE}):
            assert Visit(locked).ask("POST", "/change/json", headers, json={}).status_code == 401


def test_behind_a_proxy_that_names_another_host_our_own_pages_are_known_by_the_public_address(console):
    app = console(url="https://console.example")
    for origin, status in (("https://console.example", 200), ("http://console.example", 403), (HERE, 200)):
        assert Visit(app).ask("POST", "/change/json", BEARER | {"origin": origin}, json={}).status_code == status
