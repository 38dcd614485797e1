"""What the drill says at its end."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from tests.e2e.drill.schedule import Happened
from tests.e2e.drill.senders import Request
from tests.e2e.drill.verdict import Verdict
from tests.e2e.drill.watch import Watch


def written(
    verdict: Verdict, happened: Sequence[Happened], watch: Watch, requests: Iterable[Request], settled: float
) -> Iterator[str]:
    """Line by line; `settled`: seconds from the load's end to a log that is empty."""
    yield "faults (seconds they lasted; then, of those that came alone, until everything answered was stored again):"
    yield from _faults(happened)
    yield "answers:"
    yield from _answers(requests)
    yield "the way into the store:"
    yield from _delays(watch)
    yield f"  after the load's end everything was stored within {settled:.1f} s"
    yield "what must hold:"
    for line in verdict.lines:
        yield f"  {'yes' if line.holds else 'NO ':<4}{line.text}"
    for found in happened:
        if found.failed:
            yield f"  NO  {found.fault.name}, {found.began:.0f} s after the beginning: {found.said}"


def _faults(happened: Sequence[Happened]) -> Iterator[str]:
    by_name: defaultdict[str, list[Happened]] = defaultdict(list)
    for found in happened:
        by_name[found.fault.name].append(found)
    for name, its in sorted(by_name.items()):
        lasted = ", ".join(f"{found.lasted:.0f}" for found in its)
        after = [found.caught_up for found in its if found.caught_up is not None]
        yield f"  {name:<28}{len(its)} times: {lasted} s" + "".join(f"; stored after {took:.1f} s" for took in after)


def _answers(requests: Iterable[Request]) -> Iterator[str]:
    by_status: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
    for request in requests:
        by_status[request.collector, request.status].append(request.took)
    for (collector, status), took in sorted(by_status.items()):
        took.sort()
        named = status or "none"
        yield (
            f"  {collector} {named:<5}{len(took):>8} requests, milliseconds: half below {1000 * _at(took, 0.5):.1f}, "
            f"99 of 100 below {1000 * _at(took, 0.99):.1f}, the longest {1000 * took[-1]:.0f}"
        )


def _delays(watch: Watch) -> Iterator[str]:
    took = sorted(probe.stored - probe.answered for probe in watch.probes if probe.stored)
    if took:
        yield (
            f"  of {len(took)} reports watched, half were stored within {_at(took, 0.5):.1f} s, 99 of 100 within "
            f"{_at(took, 0.99):.1f} s, the last within {took[-1]:.1f} s"
        )
    yield f"  the longest lag the console told was {watch.longest_lag:.1f} s; it told {watch.lag_known} times"


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
