"""Whatever the description allows or forbids is answered as it says: no 500, and nothing that is not described."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from dashboards.app import build
from schema.clickhouse import Engine
from tests.support import hostile
from tests.support.store import empty

HOST = {"host": "127.0.0.1:8081"}
EXAMPLES = 6  # of each operation, allowed and forbidden


@pytest.fixture(scope="module")
def described(store: Engine) -> schemathesis.BaseSchema:
    empty(store.client())
    hostile.fill(store.client())
    app = build(store, lambda: 0.5, token=None, apply=lambda rules: iter([{"done": 0}]))
    return schemathesis.openapi.from_asgi("/api/openapi.json", app, headers=HOST)


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.name)
def test_every_answer_is_described(described: schemathesis.BaseSchema, mode: GenerationMode) -> None:
    for found in described.get_all_operations():
        try_it(found.ok(), mode)


def try_it(operation: schemathesis.APIOperation, mode: GenerationMode) -> None:
    print(operation.label)

    @settings(
        derandomize=True, max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        if mode is GenerationMode.POSITIVE:
            make_sense(case.query)
        case.call_and_validate(headers=HOST)

    ask()


def make_sense(query: dict[str, str]) -> None:
    """What no schema can say: `from` is before `to`, `q` has words, and `cursor` comes from an earlier answer."""
    query.pop("cursor", None)
    if "from" in query:
        query.pop("to", None)
    if "q" in query:
        query["q"] = "page " + query["q"][:20]
