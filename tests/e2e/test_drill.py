"""The fault drill in its shorter form: each of the usual faults once, several at a time; `make drill` does more."""

import random

import pytest

from tests.e2e.drill import disk
from tests.e2e.drill.run import Plan, drill
from tests.e2e.drill.schedule import BY_NAME
from tests.support.kafka import jars

FAULTS = (
    "collector worker killed", "collector killed", "processor killed", "processor frozen", "broker killed",
    "disk full, worker killed", "store cuts", "store refuses",
)  # fmt: skip


def test_every_report_answered_204_is_stored_exactly_once_whatever_breaks(tmp_path):
    if reason := jars.reason_missing() or disk.reason_missing():
        pytest.skip(reason)
    plan = Plan(
        seed=random.randrange(10**6),
        collectors="ab",
        processors=2,
        rate=60,
        faults=[BY_NAME[name] for name in FAULTS],
        alone=0,
        together=None,
    )
    assert drill(tmp_path, plan, print), "what it printed says where the logs are"
