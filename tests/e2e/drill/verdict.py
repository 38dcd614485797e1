"""What was sent against what is stored: every line holds, or the drill has failed."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.e2e.drill.senders import NO_ANSWER, Request
from tests.e2e.drill.world import World

_PATIENT = {"a", "b"}  # collectors whose 503 means that nothing was kept
_NEVER_FULL = {"a"}  # the others count in memory what they refuse while they have no room, and a kill forgets it


class Line(NamedTuple):
    holds: bool
    text: str


@dataclass
class Verdict:
    """`wrong`: for each mark that is not in the store as often as it should be, its request and how often it is."""

    lines: list[Line] = field(default_factory=list)
    wrong: dict[str, tuple[Request, int]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return all(line.holds for line in self.lines)


def stored(world: World) -> Counter[str]:
    """Reports by mark, over all windows."""
    found: Counter[str] = Counter()
    for line in world.console.get("/api/export?format=ndjson", 600).splitlines():
        row = json.loads(line)
        found[row["document_url"]] += row["reports"]
    return found


def judge(requests: Iterable[Request], found: Counter[str], ledger: dict[str, Any]) -> Verdict:
    verdict = Verdict()
    by_status: defaultdict[int, Counter[str]] = defaultdict(Counter)
    sent: set[str] = set()
    for request in requests:
        counts = by_status[request.status]
        counts["requests"] += 1
        counts["reports"] += len(request.marks)
        counts["others"] += request.others
        counts["certain"] += request.collector in _NEVER_FULL
        sent.update(request.marks)
        for mark in request.marks:
            _compare(verdict, request, mark, found[mark], counts)
    answered, unknown = by_status[204], _sum(by_status, NO_ANSWER, 503)
    lost, doubled, kept = (sum(counts[name] for counts in by_status.values()) for name in ("lost", "doubled", "kept"))
    verdict.lines += [
        Line(
            answered["reports"] > 0, f"answered 204: {answered['reports']} reports in {answered['requests']} requests"
        ),
        Line(lost == 0, f"lost: {lost}"),
        Line(doubled == 0, f"doubled: {doubled}"),
        Line(kept == 0, f"stored all the same though a collector that had no room said 503: {kept}"),
        Line(not found.keys() - sent, f"stored and never sent: {len(found.keys() - sent)}"),
        Line(True, f"no answer, or 503: {unknown['reports']} reports, of which {unknown['stored']} are stored"),
        *_books(found, ledger),
        _between("of other types", sum(ledger["ignored"].values()), answered["others"],
                 answered["others"] + unknown["others"]),
        _between("refused as rubbish", ledger["rejected"].get("not-json", 0), by_status[400]["certain"],
                 by_status[400]["requests"] + by_status[NO_ANSWER]["requests"]),
        _between("turned away", ledger["rejected"].get("busy", 0), 0,
                 by_status[503]["requests"] + by_status[NO_ANSWER]["requests"]),
    ]  # fmt: skip
    others = {status: counts["requests"] for status, counts in by_status.items() if status not in (0, 204, 400, 503)}
    verdict.lines.append(Line(not others, f"other answers: {others or 'none'}"))
    return verdict


def _compare(verdict: Verdict, request: Request, mark: str, times: int, counts: Counter[str]) -> None:
    counts["stored"] += times
    lost, doubled = request.status == 204 and times == 0, times > 1
    kept = request.status == 503 and times > 0 and request.collector in _PATIENT
    counts.update(lost=lost, doubled=doubled, kept=kept)
    if lost or doubled or kept:
        verdict.wrong[mark] = (request, times)


def _books(found: Counter[str], ledger: dict[str, Any]) -> list[Line]:
    went = sum(ledger[name] for name in ("stored", "retried", "sampled", "foreign"))
    went += sum(ledger["ignored"].values()) + sum(ledger["rejected"].values())
    total = found.total()
    return [
        Line(ledger["balanced"], f"the ledger balances for every site and minute: {ledger['balanced']}"),
        Line(ledger["received"] == went, f"the ledger: received {ledger['received']} = {went} that went somewhere"),
        Line(
            ledger["stored"] == total == len(found),
            f"stored: {ledger['stored']} in the ledger, {total} in the export, {len(found)} different marks",
        ),
        Line(ledger["retried"] == 0, f"taken for a browser's retry: {ledger['retried']}"),
    ]


def _between(what: str, value: int, least: int, most: int) -> Line:
    return Line(least <= value <= most, f"{what}: {value}, between {least} and {most}")


def _sum(by_status: dict[int, Counter[str]], *statuses: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for status in statuses:
        found += by_status[status]
    return found
