"""Rules in the console: what a violation's page says of its rule, and who may have history labelled again."""

import functools
import json
import threading
from collections.abc import Iterator

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from starlette.applications import Starlette

from dashboards.app import build
from schema.clickhouse import Engine
from schema.noise_files import parsed
from schema.sites import Sites
from sentinel.noise_apply import applied
from tests.support.asgi import LOCAL, Answer, ask
from tests.support.store import empty, insert, violation

APPLY = "/api/noise/apply"
JSON = ("content-type", "application/json")
OWN = """
version = "7"
[[rule]]
id = "cdn"
category = "injected"
reason = "The <b>CDN</b>."
host = "cdn.evil.example"
"""
OTHERS = OWN.replace("cdn.evil.example", "other.example")


@pytest.fixture
def client(store: Engine):
    made = store.client()
    empty(made)
    insert(made, [violation(number, reports=2) for number in range(5)])
    return made


@pytest.fixture
def console(store: Engine, client) -> Starlette:
    sites = Sites(None, parsed(OWN, "own"))
    return build(store, lambda: None, None, sites=lambda: sites, apply=functools.partial(applied, store, lambda: sites))


def post(console: Starlette, body: object = None, *headers: tuple[str, str]) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    return ask(console, APPLY, "POST", (*LOCAL, *(headers or (JSON,))), raw)


def labels(client) -> dict[str, int]:
    return dict(client.query("SELECT noise_rule, sum(reports) FROM violations GROUP BY noise_rule").result_rows)


def steps(answer: Answer) -> list[dict]:
    assert answer.status == 200, answer.text
    return [json.loads(line) for line in answer.body.splitlines()]


def test_history_is_labelled_by_the_rules_in_use_and_every_step_is_told(console, client):
    *told, last = steps(post(console))
    assert told[0] == {"looked": 0, "of": 5, "moved": 0}
    assert last == {
        "done": True, "looked": 5, "moved": 10, "changes": [{"from": "", "to": "cdn", "reports": 10}],
    }  # fmt: skip
    assert labels(client) == {"cdn": 10}


def test_or_by_the_rules_that_are_sent(console, client):
    assert steps(post(console, {"rules": OTHERS}))[-1]["moved"] == 0
    assert labels(client) == {"": 10}


@pytest.mark.parametrize(
    "body, headers, status, says",
    [
        ({"rules": "x"}, (JSON,), 400, "the rules file are no TOML"),
        ({"rules": OWN.replace("host", "hots")}, (JSON,), 400, "[[rule]] cdn: hots is no key of a rule"),
        (b"[", (JSON,), 400, "The body is"),
        ({"rule": OWN}, (JSON,), 400, "The body is"),
        (b" " * (1 << 20) + b"{}", (JSON,), 413, "at most 1 MiB"),
        ({}, (("content-type", "text/plain"),), 415, "application/json"),
        ({}, (("content-type", "application/x-www-form-urlencoded"),), 415, "application/json"),
        ({}, (JSON, ("origin", "https://evil.example")), 403, "not for pages"),
        ({}, (JSON, ("origin", "null")), 403, "not for pages"),
        ({}, (JSON, ("sec-fetch-site", "cross-site")), 403, "not for pages"),
        ({}, (JSON, ("sec-fetch-site", "same-site")), 403, "not for pages"),
    ],
)
def test_what_is_wrong_is_refused_and_changes_nothing(console, client, body, headers, status, says):
    found = post(console, body, *headers)
    assert (found.status, found.headers["content-type"]) == (status, "application/problem+json")
    assert says in found.json["detail"]
    assert labels(client) == {"": 10}


def test_only_post_works(console):
    found = ask(console, APPLY)
    assert (found.status, found.headers["allow"]) == (405, "POST")
    assert "access-control-allow-origin" not in ask(console, APPLY, "OPTIONS").headers


def test_another_name_of_this_machine_is_refused(console, client):
    assert ask(console, APPLY, "POST", (("host", "evil.example"), JSON)).status == 421
    assert labels(client) == {"": 10}


def test_a_token_is_needed_where_there_is_one(store, client):
    locked = build(store, lambda: None, "secret", apply=functools.partial(applied, store, Sites))
    assert post(locked).status == 401
    assert steps(post(locked, {"rules": OWN}, JSON, ("authorization", "Bearer secret")))[-1]["moved"] == 10


def test_a_console_over_a_server_has_no_such_address(store):
    assert ask(build(store, lambda: None, None), APPLY, "POST", (*LOCAL, JSON)).status == 404


def test_one_at_a_time(store):
    begun, go_on = threading.Event(), threading.Event()

    def slow(_rules: str | None) -> Iterator[dict]:
        begun.set()
        go_on.wait(10)
        yield {"done": True}

    console = build(store, lambda: None, None, apply=slow)
    first: list[Answer] = []
    other = threading.Thread(target=lambda: first.append(post(console)))
    other.start()
    assert begun.wait(10)
    assert post(console).status == 409
    go_on.set()
    other.join()
    assert first[0].status == 200
    assert post(console).status == 200


def test_an_error_is_told_by_name_and_code_and_not_in_words_that_may_be_a_reports(store):
    def refused(_rules: str | None) -> Iterator[dict]:
        yield {"looked": 0}
        raise DatabaseError("Code: 241. While reading 'secret-of-a-report'", code=241, name="MEMORY_LIMIT_EXCEEDED")

    *_, last = steps(post(build(store, lambda: None, None, apply=refused)))
    assert last == {"error": "the store can't be used (error 241, MEMORY_LIMIT_EXCEEDED)"}


def test_a_violations_page_says_why_it_is_noise_and_by_which_rule(console, client):
    post(console)
    [item, *_] = ask(console, "/api/violations").json["items"]
    assert (item["noise"], item["noise_rule"], item["noise_version"].partition("+")[0]) == ("injected", "cdn", "7")
    page = ask(console, f"/violations/{item['fingerprint']}").text
    assert "The &lt;b&gt;CDN&lt;/b&gt;." in page
    assert "<code>cdn</code>" in page


def test_a_rule_that_is_gone_is_said_to_be(store, client):
    insert(client, [violation(9, noise="browser", noise_rule="of-yesterday")])
    page = ask(build(store, lambda: None, None), f"/violations/{9:032x}").text
    assert "By a rule that is not known any more" in page
    assert "of-yesterday" in page
