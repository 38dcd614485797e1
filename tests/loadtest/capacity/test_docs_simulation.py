"""What docs/capacity.md and docs/operations.md say of bursts, failovers and outages is what `--simulate` says."""

import re
from functools import cache
from pathlib import Path

import msgspec
import pytest

from loadtest.capacity.answers import Answer, answer
from loadtest.capacity.costs import load
from loadtest.capacity.demand import Demand
from loadtest.capacity.plan import plan
from loadtest.capacity.tables import size, time

ROOT = Path(__file__).parents[3]
CAPACITY, OPERATIONS = ((ROOT / "docs" / name).read_text() for name in ("capacity.md", "operations.md"))
COSTS = load().costs
RPS = 500_000


@cache
def found(name: str, burst: float = 10, ramp: float = COSTS.ramp) -> Answer:
    return answer(name, Demand(RPS, burst=burst), msgspec.structs.replace(COSTS, ramp=ramp))


def cells(start: str, text: str) -> list[str]:
    """Of the row that begins so, without its first."""
    (line,) = re.findall(rf"^\| {re.escape(start)}.*$", text, re.MULTILINE)
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def flowing(text: str) -> str:
    """Without line breaks."""
    return re.sub(r"\s+", " ", text)


def share(dropped: float) -> str:
    if not dropped:
        return "0"
    return f"{dropped:.1%}" if dropped < 0.01 else f"{dropped:.0%}"


ROWS = {
    "burst": "burst, 50k",
    "failover": "failover",
    "kafka-outage": "Kafka away",
    "clickhouse-outage": "ClickHouse away",
}


@pytest.mark.parametrize("name", ROWS)
def test_the_table_of_answers(name):
    planned, solved = found(name).planned, found(name).solved
    needed = ""
    if solved.fleet.collectors_least > planned.fleet.collectors_least:
        needed = f"{solved.fleet.collectors_least} collectors run before, not {planned.fleet.collectors_least}"
    elif solved.fleet.spool_bytes > planned.fleet.spool_bytes:
        needed = f"{size(solved.fleet.spool_bytes)} of spool a collector, not 2 GiB"
    assert cells(ROWS[name], CAPACITY) == [
        share(planned.outcome.dropped_share),
        time(solved.outcome.longest_lag),
        time(solved.outcome.lag_gone),
        needed,
    ]
    assert round(solved.outcome.dropped) == 0


@pytest.mark.parametrize("rise, ramp", [("a minute", 60), ("five minutes", 300), ("a quarter of an hour", 900)])
def test_the_collectors_before_a_rise(rise, ramp):
    assert cells(f"{rise} |", OPERATIONS)[0] == str(found("burst", ramp=ramp).solved.fleet.collectors_least)


def test_the_bullets_below_the_table():
    least = [found("burst", ramp=ramp).solved.fleet.collectors_least for ramp in (60, 300, 900)]
    text = flowing(CAPACITY)
    assert f"at full use of its cores: {least[0]} collectors for 500,000." in text
    assert (
        f"takes 5 minutes to come, {least[1]} are enough; for one that takes a quarter of an hour, the {least[2]}"
        in text
    )
    its = plan(Demand(RPS), COSTS)
    filled = (2 << 30) / (its.usual.reports / its.collectors.pods_usual * COSTS.spool_bytes)
    assert f"2 GiB hold Kafka's absence for {filled:.0f} s at the usual rate" in text
    elsewhere = found("failover", burst=1)
    before, most = elsewhere.solved.fleet.collectors_least, elsewhere.solved.fleet.collectors_most
    planned = elsewhere.planned.fleet.collectors_least
    assert f"takes {before} collectors before, instead of {planned}, and leave for {most}" in text
    felt = found("clickhouse-outage", burst=1).solved.outcome.lag_gone
    assert 5.4 < felt / 3600 < 5.65  # "five hours and a half"
    assert "an hour's outage is felt for five hours and a half" in text


def test_a_disaster_kafka_away():
    its = found("kafka-outage")
    spool, gone = size(its.solved.fleet.spool_bytes), time(its.solved.outcome.lag_gone)
    assert (
        f"an hour with 2 GiB spools drops {its.planned.outcome.dropped_share:.0%}, with {spool} nothing; "
        f"lag gone {gone} after it began" in cells("**Kafka away**", OPERATIONS)[1]
    )


def test_a_disaster_clickhouse_away():
    its, all_day = found("clickhouse-outage").planned.outcome, found("clickhouse-outage", burst=1).planned.outcome
    assert its.dropped == all_day.dropped == 0
    assert (
        f"an hour drops nothing, lag gone after {time(its.lag_gone)}; with `--burst 1`, at the peak all day, after "
        f"{time(all_day.lag_gone)}" in cells("**ClickHouse away**", OPERATIONS)[1]
    )


def test_a_disaster_a_region_fails_over():
    its, peak = found("failover"), found("failover", burst=1)
    assert (
        f"{its.solved.fleet.collectors_least} collectors must run before, not {its.planned.fleet.collectors_least} "
        f"({its.planned.outcome.dropped_share:.1%} dropped); on top of the peak (`--burst 1`) "
        f"{peak.solved.fleet.collectors_least} of {peak.solved.fleet.collectors_most}, not "
        f"{peak.planned.fleet.collectors_least} ({peak.planned.outcome.dropped_share:.1%}), lag gone after "
        f"{time(peak.solved.outcome.lag_gone)}" in cells("**a region fails over**", OPERATIONS)[1]
    )


def test_a_disaster_a_burst():
    its = found("burst")
    least, outcome = its.solved.fleet.collectors_least, its.solved.outcome
    assert (
        f"{its.planned.outcome.dropped_share:.1%} dropped with {its.planned.fleet.collectors_least} collectors before, "
        f"nothing with {least}; lag {time(outcome.longest_lag)} at most, gone after {time(outcome.lag_gone)}"
        in cells("**a burst**", OPERATIONS)[1]
    )
    standing = least - its.planned.fleet.collectors_least
    said = f"{least} collectors before it instead of {its.planned.fleet.collectors_least} are {standing} cores"
    assert said in flowing(OPERATIONS)
