"""What must hold after a soak. Pure: judged are the samples, the senders' accounts, and what the console says."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tests.e2e.drill.verdict import Line
from tests.e2e.soak.samples import Life, Sample
from tests.e2e.soak.sender import Account

# A life's first half is its warm-up; a second half shorter than this says nothing.
LEAST_SECONDS = 120.0
# MiB, of any life at any time: what the program promises.
MOST_MEMORY = {"worker": 150.0, "": 1024.0}


class Bound(NamedTuple):
    """How far the line that fits the second half best may rise from its beginning to its end: the bigger of both."""

    of: str
    unit: str
    least: float
    share: float  # of the median

    def most(self, median: float) -> float:
        return max(self.least, self.share * median)


BOUNDS = (
    Bound("memory", " MiB", 8, 0.05),
    Bound("files", "", 5, 0.05),  # connections and table parts come and go
    Bound("threads", "", 2, 0.0),
)


class Growth(NamedTuple):
    """`rise`: of the line that fits best, from its beginning to its end."""

    median: float
    rise: float


def second_half(life: Life) -> list[Sample]:
    middle = (life.samples[0].at + life.samples[-1].at) / 2
    return [sample for sample in life.samples if sample.at >= middle]


def growth(samples: Sequence[Sample], of: str) -> Growth:
    at = [sample.at for sample in samples]
    values = [float(getattr(sample, of)) for sample in samples]
    slope = statistics.linear_regression(at, values).slope
    return Growth(statistics.median(values), slope * (at[-1] - at[0]))


def judge_lives(lives: Iterable[Life], *, must: bool) -> list[Line]:
    """A line a name. `must`: it has lasted so long that each of them should have a life that can be judged."""
    by_name: defaultdict[str, list[Life]] = defaultdict(list)
    for life in lives:
        by_name[life.name].append(life)
    return [_judged(name, by_name[name], must) for name in sorted(by_name)]


def _judged(name: str, lives: Sequence[Life], must: bool) -> Line:
    most = max(sample.memory for life in lives for sample in life.samples)
    bound = MOST_MEMORY["worker" if name.endswith("worker") else ""]
    halves = [half for life in lives if _seconds(half := second_half(life)) >= LEAST_SECONDS]
    holds, said = most <= bound, [f"at most {most:.0f} of {bound:.0f} MiB"]
    if halves:
        longest = max(map(_seconds, halves))
        said.append(f"{len(halves)} of {len(lives)} lives judged, over {longest / 60:.1f} min at the longest:")
    else:
        holds &= not must
        said.append(f"{len(lives)} lives, all of them too short to be judged")
    for limit in BOUNDS if halves else ():
        grown = max(
            (growth(half, limit.of) for half in halves), key=lambda found: found.rise - limit.most(found.median)
        )
        holds &= grown.rise <= limit.most(grown.median)
        said.append(
            f"{limit.of} {grown.median:.0f}{limit.unit} {grown.rise:+.1f} (bound {limit.most(grown.median):.0f})"
        )
    return Line(holds, f"{name}: {'; '.join(said).replace(':;', ':')}")


def _seconds(samples: Sequence[Sample]) -> float:
    return samples[-1].at - samples[0].at if len(samples) > 1 else 0.0


def judge_totals(
    name: str, accounts: Iterable[Account], by_site: Mapping[str, dict[str, Any]], whole: dict[str, Any], rows: int
) -> list[Line]:
    """`by_site`: the ledger of each; `whole`: of all; `rows`: reports in the store's rows."""
    wrong, sums, doubted, kept = [], Account(name), 0, 0
    for account in accounts:
        taken = _taken(by_site[account.site])
        extra = taken - account.answered
        if extra not in {0, account.doubt} or by_site[account.site]["retried"] > account.again + account.doubt:
            wrong.append(f"{account.site}: answered 204 {account.answered}, in doubt {account.doubt}, ledger {taken}")
        for field in ("answered", "again", "others", "doubt"):
            setattr(sums, field, getattr(sums, field) + getattr(account, field))
        doubted += account.doubt > 0
        kept += extra
    ignored, retried = sum(whole["ignored"].values()), whole["retried"]
    went = _taken(whole) + sum(whole["rejected"].values())
    return [
        Line(
            sums.answered > 0 and not wrong,
            f"{name}: answered 204 {sums.answered} reports; in doubt {sums.doubt} in {doubted} posts, of which {kept} "
            f"are there; {'each site exact' if not wrong else '; '.join(wrong[:10])}",
        ),
        Line(
            _taken(whole) == sums.answered + kept,
            f"{name}: the ledger has {_taken(whole)} = stored {whole['stored']} + retried {retried} + ignored {ignored}"
            f" + sampled {whole['sampled']} + foreign {whole['foreign']}, of {sums.answered} + {kept}",
        ),
        Line(
            whole["balanced"] and whole["received"] == went,
            f"{name}: the ledger balances for every site and minute; received {whole['received']} = {went}",
        ),
        Line(rows == whole["stored"], f"{name}: {rows} reports in the store's rows, {whole['stored']} by the ledger"),
        Line(
            sums.others <= ignored <= sums.others + sums.again + sums.doubt,
            f"{name}: of other types {ignored}, between {sums.others} and {sums.others + sums.again + sums.doubt}",
        ),
    ]  # fmt: skip


def _taken(ledger: dict[str, Any]) -> int:
    """Reports of every type that it took, wherever it put them; what is refused has no 204."""
    return sum(ledger[name] for name in ("stored", "retried", "sampled", "foreign")) + sum(ledger["ignored"].values())
