"""A real burst on this machine: ten times the usual rate, more than the processor can do, and what comes of it.

What a report and a batch cost is measured just before, with the same processes: a machine that is shared is another one
every minute.
"""

from dataclasses import dataclass
from itertools import pairwise

from loadtest.bench.chain import Look, chain
from loadtest.bench.child import Failed
from loadtest.bench.options import Options
from loadtest.bench.steps import Step

TIMES = 10  # the burst over the usual rate
CALM_SECONDS, BURST_SECONDS = 10.0, 10.0
_SHARE = 0.25  # of what the processor can do: the usual rate
_BACKLOG = (4_000.0, 5.0)  # POSTs/s, seconds
_TRICKLE = (60.0, 8.0)


@dataclass
class Measured:
    """Before the burst: `process` and `accept`: reports/s of a core; `batch`: seconds that a batch takes before its
    first report, `batch_cpu` of CPU; `share` of its core that the processor had. `steps`: what the client did; `wrong`:
    requests without a 204.
    """

    process: float
    accept: float
    batch: float
    batch_cpu: float
    share: float
    per_post: float
    steps: list[Step]
    looks: list[Look]
    wrong: int


def burst(options: Options) -> Measured:
    """Raises Failed."""
    with chain(options) as (its, environment):
        before = its.collector.cpu_seconds()
        its.send([_BACKLOG])
        accept = its.sent / (its.collector.cpu_seconds() - before)
        per_post = its.sent / (_BACKLOG[0] * _BACKLOG[1])
        with its.processing(environment):
            full = its.watch()
            _, small = its.send([_TRICKLE])
            process, batch = costs_of_a_batch(full, small)
            cpu = (small[-1].processor_cpu - small[0].processor_cpu) / (small[-1].batches - small[0].batches)
            options.say(
                f"{process:,.0f} reports/s, a batch from {batch:.2f} s ({cpu:.2f} s of CPU); "
                f"the collector's core does {accept:,.0f} reports/s"
            )
            steps, looks = its.send(_steps(process / per_post))
    wrong = sum(step.result.wrong + step.result.unanswered for step in steps)
    return Measured(process, accept, batch, cpu, share(full), per_post, steps, looks, wrong)


def share(looks: list[Look]) -> float:
    """Of its core that the processor had while there was something to do."""
    busy = [look for look in looks if look.stored < looks[-1].stored]
    return (busy[-1].processor_cpu - busy[0].processor_cpu) / (busy[-1].at - busy[0].at)


def _steps(most: float) -> list[tuple[float, float]]:
    """`most`: POSTs/s that the processor can do. The last step goes on until what the burst has left is stored."""
    usual = most * _SHARE
    drain = BURST_SECONDS * (TIMES * _SHARE - 1) / (1 - _SHARE)
    return [(usual, CALM_SECONDS), (usual * TIMES, BURST_SECONDS), (usual, drain + 5)]


def costs_of_a_batch(full: list[Look], small: list[Look]) -> tuple[float, float]:
    """Reports/s, and seconds a batch takes before its first: from full batches one after the other, and small ones.

    The first of the full ones is left out: the start is in it. Raises Failed.
    """
    stored = [after for before, after in pairwise(full) if after.stored > before.stored]
    if len(stored) < 2 or small[-1].batches == small[0].batches:
        raise Failed("the backlog was stored in one batch, or the trickle in none: nothing to measure a rate by")
    first, last = stored[0], stored[-1]
    batches = last.batches - first.batches
    full_seconds, full_reports = (last.at - first.at) / batches, (last.stored - first.stored) / batches
    batches = small[-1].batches - small[0].batches
    seconds = (small[-1].inserting - small[0].inserting) / batches
    reports = (small[-1].stored - small[0].stored) / batches
    if full_seconds <= seconds:
        raise Failed("a full batch took no longer than one of few reports: other programs use this machine")
    speed = (full_reports - reports) / (full_seconds - seconds)
    return speed, max(0.0, seconds - reports / speed)
