"""A store with a known history, and the console over it."""

import pytest
from starlette.applications import Starlette

from dashboards.app import build
from schema.clickhouse import Engine
from tests.support.history import LEDGER, history
from tests.support.store import START, account, empty, insert, put


@pytest.fixture(scope="module")
def app(store: Engine) -> Starlette:
    client = store.client()
    empty(client)
    rows = history()
    for start in range(0, len(rows), 60):  # several parts, so that fingerprints are spread over them
        insert(client, rows[start : start + 60])
    account(client, LEDGER)
    put(client, "examples", ["site", "fingerprint", "raw", "seen"],
        [["shop"], [(0).to_bytes(16, "big")], ['{"csp-report":{}}'], [START]])  # fmt: skip
    put(client, "source_states", ["site", "effective_directive", "blocked", "state", "changed"],
        [["shop"] * 3, ["script-src-elem", "img-src", "img-src"], ["cdn.evil.example", "inline", "inline"],
         ["known", "known", "ignored"], [START * 1000, START * 1000, START * 1000 + 1]])  # fmt: skip
    return build(store, lambda: 1.25, token=None)
