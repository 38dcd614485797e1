"""Whether a run held: its thresholds, and that what was answered 204 is stored, once. Pure."""

from typing import NamedTuple

from loadtest.load.account import Account, Sum
from loadtest.load.books import Books
from loadtest.load.profiles import Profile


class Requests(NamedTuple):
    """All of them, preflights too. `p95`, `p99`: ms."""

    made: int
    failed: int
    p95: float
    p99: float


class Limit(NamedTuple):
    """Where a threshold broke: `asked` posts a second; `held`: the most before that, 0 for none."""

    asked: float
    held: float
    why: str


class Line(NamedTuple):
    holds: bool
    text: str


_LATE_SHARE = 0.05


def judge(
    profile: Profile, requests: Requests, sent: Account, books: Books | str, lost: int, limit: Limit | None
) -> list[Line]:
    """`books`: or why there are none. `lost`: workers that did not say at the end what they sent."""
    lines = [_answered(sent)]
    lines += [_limit(limit)] if profile.seeks_limit else thresholds(profile, requests)
    lines += [_lost(lost)] if lost else []
    if isinstance(books, str):
        return [*lines, Line(False, f"stored = answered 204: not known: {books}")]
    return [*lines, *stored(sent, books)]


def thresholds(profile: Profile, requests: Requests) -> list[Line]:
    allowed = profile.thresholds
    errors = requests.failed / requests.made if requests.made else 1.0
    return [
        Line(
            errors <= allowed.errors,
            f"errors: {errors:.2%} of {requests.made:,} requests, at most {allowed.errors:.2%}",
        ),
        Line(requests.p95 <= allowed.p95, f"p95: {requests.p95:,.0f} ms, at most {allowed.p95:,.0f}"),
        Line(requests.p99 <= allowed.p99, f"p99: {requests.p99:,.0f} ms, at most {allowed.p99:,.0f}"),
    ]


def stored(sent: Account, books: Books) -> list[Line]:
    """A range where an answer did not come: what it was about may be stored or not.

    A browser's retry may be counted as such, with whatever is in it, or be taken for new: the sums hold either way.
    """
    ledger, answered, unknown = books.ledger, sent.answered, sent.unknown
    retried = ledger["retried"]
    least, most = answered.entries, answered.entries + unknown.entries
    violations = ledger["stored"] + ledger["sampled"] + ledger["foreign"]
    outcomes = {name: ledger[name] for name in ("stored", "retried", "sampled", "foreign")}
    outcomes["of other types"] = books.ignored
    shown = ", ".join(f"{number:,} {name}" for name, number in outcomes.items() if number or name == "stored")
    went = books.counted + books.rejected
    return [
        Line(
            least <= books.counted <= most
            and answered.reports - retried <= violations <= answered.reports + unknown.reports,
            f"stored = answered 204: {shown}; {_range(least, most)} answered",
        ),
        Line(
            retried <= answered.retries + unknown.retries,
            f"taken for a browser's retry: {retried:,} of {answered.retries + unknown.retries:,} that were one",
        ),
        Line(
            books.totals["reports"] == ledger["stored"],
            f"the store has as many as the ledger says: {books.totals['reports']:,} of {ledger['stored']:,}",
        ),
        Line(
            ledger["balanced"] and ledger["received"] == went,
            f"the ledger balances: received {ledger['received']:,} = {went:,} that went somewhere"
            f" ({books.rejected:,} rejected)",
        ),
    ]


def notes(sent: Account, profile: Profile, seconds: float) -> list[str]:
    """What a reader should know, and no reason to fail."""
    found = []
    if seconds < profile.seconds - 1 and not profile.seeks_limit:
        found.append(f"stopped after {seconds:.0f} of {profile.seconds:.0f} s: this is about what was sent by then")
    if sent.unknown.posts:
        found.append(
            f"{_of(sent.unknown)} got no answer that says whether they are stored, so the check is a range: "
            "up to that many more than were answered 204 may be in the store"
        )
    if sent.unsent:
        found.append(f"{sent.unsent:,} posts were due and not sent, because too many waited for their answers")
    if sent.taken and sent.late / sent.taken > _LATE_SHARE:
        found.append(
            f"{sent.late / sent.taken:.0%} of the posts were sent late, because the sender itself had no more time: "
            "times and rates are partly its own; give it WORKERS and cores"
        )
    return found


def _answered(sent: Account) -> Line:
    others = {answer: number for answer, number in sorted(sent.statuses.items()) if answer != "204"}
    besides = "".join(f", {number:,} {answer}" for answer, number in others.items())
    return Line(sent.answered.posts > 0, f"answered 204: {_of(sent.answered)}{besides}")


def _limit(limit: Limit | None) -> Line:
    if limit is None:
        return Line(True, "no threshold broke up to the highest rate")
    held = f"{limit.held:,.0f} posts/s held" if limit.held else "not even the first step held"
    return Line(True, f"the limit: {held}; at {limit.asked:,.0f} posts/s {limit.why}")


def _lost(lost: int) -> Line:
    return Line(False, f"workers that did not say at the end what they sent: {lost}")


def _of(what: Sum) -> str:
    return f"{what.posts:,} posts with {what.reports:,} reports"


def _range(least: int, most: int) -> str:
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"
