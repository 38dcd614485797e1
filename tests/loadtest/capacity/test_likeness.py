"""The check of the simulation: what is read from a measured burst, and how the two are compared."""

import itertools

import pytest

from loadtest.bench.burst import Measured, costs_of_a_batch, share
from loadtest.bench.chain import Look
from loadtest.bench.child import Failed
from loadtest.bench.likeness import chart, compared, measured, simulated, slowed
from loadtest.bench.steps import Step
from loadtest.capacity.costs import load
from loadtest.openloop import Result, Spread

COSTS = load().costs
BEGAN = 1_000_000.0


def looks(rows, cpu=1.0):
    """Of (seconds, accepted, stored, batches, seconds of inserting), with `cpu` of a core used."""
    return [Look(BEGAN + at, *counts, cpu * at) for at, *counts in rows]


def step(began, rate, seconds):
    nothing = Spread({})
    return Step(BEGAN + began, int(rate * seconds), Result(rate, rate, nothing, nothing, 0, 0))


def test_what_a_report_and_a_batch_cost_comes_of_full_and_of_small_batches():
    # Two full batches of 8000 take 4.5 s each, small ones of 100 take 0.55 s: 0.5 s, and 2000 reports/s.
    full = looks(
        [(0, 0, 0, 0, 0), (7, 24_000, 8_000, 1, 6), (11.5, 24_000, 16_000, 2, 10), (16, 24_000, 24_000, 3, 15)]
    )
    small = looks([(20, 24_000, 24_000, 3, 15), (25, 24_500, 24_500, 8, 17.75)])
    assert costs_of_a_batch(full, small) == pytest.approx((2000, 0.5))


def test_where_nothing_can_be_told_that_is_said():
    one = looks([(0, 0, 0, 0, 0), (5, 100, 100, 1, 1)])
    with pytest.raises(Failed, match="in one batch"):
        costs_of_a_batch(one, one)
    quick = looks([(0, 0, 0, 0, 0), (1, 200, 100, 1, 1), (2, 200, 200, 2, 1)])
    slow = looks([(3, 200, 200, 2, 1), (9, 220, 220, 3, 7)])
    with pytest.raises(Failed, match="other programs"):
        costs_of_a_batch(quick, slow)


def test_the_processors_share_of_its_core_is_that_of_when_it_had_work():
    busy = looks([(0, 100, 0, 0, 0), (10, 100, 50, 1, 1), (20, 100, 100, 2, 1), (30, 100, 100, 2, 1)], cpu=0.6)
    assert share(busy) == pytest.approx(0.6)


STEPS = [step(0, 500, 10), step(10, 5000, 10), step(20, 500, 40)]


def burst(its):
    return Measured(process=2000, accept=20_000, batch=0.3, batch_cpu=0.2, share=1, per_post=1, steps=STEPS, looks=its,
                    wrong=0)  # fmt: skip


@pytest.fixture
def found():
    """A burst that came out as the simulation says, but that the processor had half of its core."""
    points = simulated(burst(looks([(120, 0, 0, 0, 0)])), COSTS, 0.5)
    accepted = itertools.accumulate(point.load for point in points)
    rows = [(point.at + 1, came, came - point.behind, 0, 0) for point, came in zip(points, accepted, strict=True)]
    return burst(looks([(0, 0, 0, 0, 0), *rows], cpu=0.5))


def test_lag_is_the_age_of_what_is_stored_next():
    # 100 reports/s for ten seconds, and half of them stored: what came at second 5 is next.
    rows = [(second, 100 * second, 50 * second, 0, 0) for second in range(11)]
    made = Measured(1, 1, 1, 1, 1, 1, [step(0, 100, 10)], looks(rows), 0)
    assert measured(made)[-1].lag == pytest.approx(5)
    assert measured(made)[-1].behind == 500
    assert measured(made)[-1].load == 100


def test_a_simulation_that_is_told_the_share_agrees_and_one_that_is_not_is_too_quick(found):
    assert slowed(found) == pytest.approx(0.5)
    behind, lag, gone, dropped = compared(found, COSTS)
    for one in (behind, lag, gone):
        assert one.error(one.shared) == pytest.approx(0, abs=0.08), one.name
        assert one.error(one.simulated) < -0.1, one.name
    assert (dropped.measured, dropped.simulated) == (0, 0)


def test_the_chart_has_all_three_curves_and_says_the_errors(found):
    text = chart(found, COSTS, "A burst")
    assert all(word in text for word in ("measured", "simulated", "told its share", "off by", "A burst"))
