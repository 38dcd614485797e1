"""docs/capacity.md says what the model says."""

import re
from pathlib import Path

import msgspec
import pytest

from loadtest.capacity.answers import answer
from loadtest.capacity.arguments import RPS
from loadtest.capacity.costs import DEFAULT, load
from loadtest.capacity.demand import Demand
from loadtest.capacity.plan import plan
from loadtest.capacity.tables import size

DOCS = (Path(__file__).parents[3] / "docs" / "capacity.md").read_text()
PLAN = DOCS.partition("### Formulas")[0]
COSTS = load().costs
PLANS = [plan(Demand(rps), COSTS) for rps in RPS]
SHOWN = {
    "reports/s": lambda one: f"{one.peak.reports:,.0f}",
    "collector pods": lambda one: f"{one.collectors.pods}",
    "processor pods": lambda one: f"{one.processors.pods}",
    "Kafka partitions": lambda one: f"{one.kafka.partitions}",
    "Kafka brokers": lambda one: f"{one.kafka.brokers}",
    "Kafka disk, 24 h, three copies": lambda one: size(one.kafka.disk_bytes),
    "ClickHouse cores": lambda one: f"{one.clickhouse.cores:.0f}",
    "ClickHouse disk, 90 days, two copies": lambda one: size(one.clickhouse.disk_bytes),
    "spool a collector pod, for an hour": lambda one: size(one.collectors.spool_bytes_per_pod),
    "HTTP in": lambda one: size(one.network.in_bytes_per_second) + "/s",
}


@pytest.mark.parametrize("row", SHOWN)
def test_the_table_of_plans(row):
    (line,) = re.findall(rf"^\| {re.escape(row)} \|(.*)\|$", PLAN, re.MULTILINE)
    assert [cell.strip() for cell in line.split("|")][:4] == [SHOWN[row](one) for one in PLANS]


@pytest.mark.parametrize("name, start", [("burst", "burst, 50k"), ("kafka-outage", "Kafka away")])
def test_the_answers_of_the_simulation(name, start):
    (line,) = re.findall(rf"^\| {start}.*$", DOCS, re.MULTILINE)
    found = answer(name, Demand(500_000), COSTS)
    assert f"| {found.planned.outcome.dropped_share:.0%} |" in line
    needed = found.solved.fleet
    assert f"{needed.collectors_least} collectors" in line or f"{size(needed.spool_bytes)} of spool" in line


def test_what_it_says_without_preflights_and_of_the_goal():
    alike = msgspec.structs.replace(COSTS, array_share=0, connection_share=0)
    assert f"take {plan(Demand(500_000), alike).collectors.pods} of our collectors" in DOCS
    goal = plan(Demand(500_000), load(DEFAULT.with_name("goal.json")).costs)
    assert f"{goal.processors.pods} processors and {goal.kafka.partitions} partitions" in re.sub(r"\s+", " ", DOCS)


def test_every_figure_that_a_formula_names_is_there():
    formulas = DOCS.partition("### Formulas")[2].partition("### How far")[0]
    known = set(load().figures) | {"SENTINEL_SPOOL_MAX_BYTES", "code"}
    assert set(re.findall(r"`(\w+)`", formulas)) <= known
