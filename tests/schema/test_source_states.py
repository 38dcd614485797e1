"""What was decided about a source, as everybody asks it."""

from typing import get_args

import msgspec

from dashboards.decisions import Decision
from schema.clickhouse import Engine
from schema.source_states import DECIDED, STATES, decided
from tests.support.store import START, empty, put

COLUMNS = ["site", "effective_directive", "blocked", "state", "changed"]


def test_a_source_is_decided_upon_if_its_last_state_is_not_new(store: Engine):
    client = store.client()
    empty(client)
    said = {"known": ["known"], "ignored": ["new", "ignored"], "again": ["ignored", "new"], "new": ["new"]}
    rows = [["shop", "img-src", name, state, START * 1000 + place]
            for name, states in said.items() for place, state in enumerate(states)]  # fmt: skip
    put(client, "source_states", COLUMNS, list(map(list, zip(*rows, strict=True))))
    assert sorted(client.query(decided("blocked, site")).result_rows) == [("ignored", "shop"), ("known", "shop")]


def test_the_states_are_those_that_can_be_decided():
    assert (*get_args(msgspec.structs.fields(Decision)[0].type),) == STATES == ("new", *DECIDED)
