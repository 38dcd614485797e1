"""The plans in docs/capacity.md and docs/operations.md are the model's, its processor is about as fast as the README's.

What the simulation shows is in test_docs_simulation.py. What was measured (the drill, the real burst) is not held.
"""

import re
from pathlib import Path

import msgspec
import pytest

from loadtest.capacity.arguments import RPS
from loadtest.capacity.costs import DEFAULT, load
from loadtest.capacity.demand import Demand
from loadtest.capacity.envelopes import log_bytes
from loadtest.capacity.plan import plan
from loadtest.capacity.tables import size

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "docs" / "capacity.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
README = (ROOT / "README.md").read_text()
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
    assert cells(row, PLAN)[:4] == [SHOWN[row](one) for one in PLANS]


def cells(row, text):
    (line,) = re.findall(rf"^\| {re.escape(row)} \|(.*)\|$", text, re.MULTILINE)
    return [cell.strip() for cell in line.split("|")]


def test_the_pods_of_the_usual_rate():
    found = re.findall(r"^\| at the usual rate \|(.*)\|$", PLAN, re.MULTILINE)
    stages = [[one.collectors for one in PLANS], [one.processors for one in PLANS]]
    assert [[cell.strip() for cell in line.split("|")][:4] for line in found] == [
        [str(its.pods_usual) for its in stage] for stage in stages
    ]


def test_what_it_says_of_a_reports_bytes_in_the_log():
    its = PLANS[RPS.index(50_000)]
    peak = log_bytes(its.peak.posts / its.collectors.pods, COSTS)
    usual = log_bytes(its.usual.posts / its.collectors.pods_usual, COSTS)
    text = re.sub(r"\s+", " ", PLAN)
    assert f"{COSTS.log_bytes:g} bytes at 20,000 a second and more, {COSTS.log_bytes_100:g} at 100" in text
    assert f"At 50,000 a second that is {peak:.1f} bytes a report in the one and {usual:.1f} in the others" in text


SIZED = {
    "collectors at the peak, usually": lambda one: f"{one.collectors.pods}, {one.collectors.pods_usual}",
    "processors at the peak, usually": lambda one: f"{one.processors.pods}, {one.processors.pods_usual}",
    "partitions": lambda one: f"{one.kafka.partitions}",
    "spool a collector, an hour without Kafka": lambda one: size(one.collectors.spool_bytes_per_pod),
    "Kafka's disk, ClickHouse's disk, all copies": lambda one: (
        f"{size(one.kafka.disk_bytes)}, {size(one.clickhouse.disk_bytes)}"
    ),
}


@pytest.mark.parametrize("row", SIZED)
def test_the_table_of_sizes_for_whoever_operates_it(row):
    assert cells(row, OPERATIONS) == [SIZED[row](plan(Demand(rps), COSTS)) for rps in (5_000, 50_000, 500_000)]


COST_ROWS = [
    ("as planned", {}, {}),
    ("`--repeats 0.9`", {"repeats": 0.9}, {}),
    ('30 days kept: `--costs` with `{"figures": {"store_days": {"value": 30}}}`', {}, {"store_days": 30}),
    ('connections end at a proxy: `{"figures": {"connection_share": {"value": 0}}}`', {}, {"connection_share": 0}),
]


@pytest.mark.parametrize("row, asked, costs", COST_ROWS, ids=[row for row, *_ in COST_ROWS])
def test_the_table_of_what_a_month_costs(row, asked, costs):
    its, as_planned = plan(Demand(500_000, **asked), msgspec.structs.replace(COSTS, **costs)), PLANS[RPS.index(500_000)]
    pods, before = its.collectors.pods, as_planned.collectors.pods
    fewer = f"; {pods} collectors at the peak, not {before}" if pods != before else ""
    assert cells(row, OPERATIONS) == [
        f"{its.monthly.cores.quantity:.0f}{fewer}",
        f"{its.monthly.disk.quantity / 1000:.0f} TB",
        f"{its.monthly.traffic.quantity / 1000:.0f} TB",
    ]


def test_what_of_the_disk_is_clickhouses():
    its = PLANS[RPS.index(500_000)]
    said = f"{its.clickhouse.disk_bytes / 1e12:.0f} of {its.monthly.disk.quantity / 1000:.0f} TB"
    assert f"**ClickHouse's disk is the most of it**: {said}" in OPERATIONS


@pytest.mark.parametrize(
    "row, name",
    [
        ("all different", "processor_different"),
        ("70% repeats", "processor_typical"),
        ("90% repeats, a nonce in every policy", "processor_burst"),
    ],
)
def test_the_models_processor_is_about_as_fast_as_the_readmes(row, name):
    """Both are measured, one after the other: a third apart they are of two programs."""
    assert float(cells(row, README)[1].removesuffix(" µs")) == pytest.approx(getattr(COSTS, name), rel=1 / 3)


def test_what_it_says_without_preflights_of_a_processor_and_of_the_goal():
    alike = msgspec.structs.replace(COSTS, array_share=0, connection_share=0)
    assert f"take {plan(Demand(500_000), alike).collectors.pods} of our collectors" in DOCS
    goal = plan(Demand(500_000), load(DEFAULT.with_name("goal.json")).costs)
    rate = PLANS[RPS.index(500_000)].processors.reports_per_pod
    measured = cells("70% repeats", README)[0].split()[0]
    said = f"ours do {round(rate, -2):,.0f} by their CPU ({measured} were measured)"
    assert said in re.sub(r"\s+", " ", DOCS)
    assert f"and {size(goal.clickhouse.disk_bytes)} of ClickHouse" in DOCS
    assert f"{goal.processors.pods} processors and {goal.kafka.partitions} partitions" in re.sub(r"\s+", " ", DOCS)


def test_every_figure_that_a_formula_names_is_there():
    formulas = DOCS.partition("### Formulas")[2].partition("### How far")[0]
    known = set(load().figures) | {"SENTINEL_SPOOL_MAX_BYTES", "code"}
    assert set(re.findall(r"`(\w+)`", formulas)) <= known
