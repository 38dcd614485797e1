"""How a stored count gets another label: by a negative row for the old label and a positive one for the new.

Pure. The tables that views make of `violations` follow, because they see what is inserted. `minutes` knows no URLs, so
of a window's count it isn't known in which minutes it was: it is taken from those in which its old label has reports.
"""

import operator
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import msgspec

from processor.noise import Noise
from schema.violation import LONG_TEXTS, WINDOW_SECONDS, Violation


class Change(NamedTuple):
    """`stored` is the sum of a key's rows: `reports` of them have the old label."""

    stored: Violation
    label: Noise

    @property
    def moves(self) -> bool:
        """Whether reports move; else only the rule's id is another, which is no part of the key."""
        return self.stored.noise != self.label.category


Minutes = dict[int, int]  # by minute (s): reports
Group = tuple[object, ...]


def group_of(violation: Violation) -> Group:
    """Which counts of `minutes` a key is part of."""
    return (
        violation.site, violation.window, violation.effective_directive, violation.document_host,
        violation.blocked_host, violation.blocked_kind, violation.disposition, violation.browser, violation.noise,
        violation.verdict,
    )  # fmt: skip


def rows(changes: Iterable[Change], minutes: dict[Group, Minutes]) -> list[Violation]:
    """What to insert. `minutes` is used up; a count that isn't in it stays under its label, for the next time."""
    found: list[Violation] = []
    for change in sorted(changes, key=_freedom):
        if change.moves:
            found += _moved(change, minutes.get(group_of(change.stored), {}))
        else:
            found.append(_labelled(change, 0, change.stored.first_seen))
    return found


def batches(inserted: Iterable[Violation], most: int) -> Iterator[list[Violation]]:
    """Each of about `most` bytes of texts; what belongs together stays together."""
    batch: list[Violation] = []
    size = 0
    for row in inserted:
        begins = row.reports < 0 or (row.reports == 0 and batch and batch[-1].reports == 0)
        if begins and size >= most:
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += _ROW + sum(len(text) for text in _texts(row))
    if batch:
        yield batch


_ROW = 600  # bytes of everything else, as JSON
_texts = operator.attrgetter(*LONG_TEXTS)


def told(changes: Iterable[Change], inserted: Iterable[Violation]) -> Counter[tuple[str, str]]:
    """Reports whose label is another by these rows, by old and new rule: another category, or only another rule."""
    found: Counter[tuple[str, str]] = Counter()
    for stored, label in (change for change in changes if not change.moves):
        found[stored.noise_rule, label.rule] += stored.reports
    for old, new in pairwise(inserted):
        if new.reports > 0:  # behind what it replaces
            found[old.noise_rule, new.noise_rule] += new.reports
    return found


def _moved(change: Change, minutes: Minutes) -> Iterator[Violation]:
    taken = list(cancelled(change.stored, minutes))
    for row in taken:
        yield row
        yield _labelled(change, -row.reports, row.first_seen, -row.left_out)
    if taken and _minute(change.stored) not in map(_minute, taken):  # the new label is as old as the old one was
        yield _labelled(change, 0, change.stored.first_seen)


def cancelled(stored: Violation, minutes: Minutes) -> Iterator[Violation]:
    """Negative rows that take the count away, from each of the minutes it may have been in; `minutes` is used up."""
    first = _minute(stored)
    for minute, reports in _shares(stored, minutes).items():
        minutes[minute] -= reports
        seen = stored.first_seen if minute == first else minute * 1000 if minute > first else minute * 1000 + 59_999
        left_out = -reports * stored.left_out / stored.reports
        yield msgspec.structs.replace(stored, reports=-reports, left_out=left_out, first_seen=seen)


def _freedom(change: Change) -> int:
    """Which was seen in few minutes chooses first."""
    return change.stored.last_seen - change.stored.first_seen


def _labelled(change: Change, reports: int, seen: int, left_out: float = 0.0) -> Violation:
    label = change.label
    return msgspec.structs.replace(
        change.stored,
        reports=reports,
        left_out=left_out,
        first_seen=seen,
        noise=label.category,
        noise_rule=label.rule,
        noise_version=label.version,
    )


def _minute(stored: Violation) -> int:
    """In which `minutes` counts a row that is first seen so: never outside of its window."""
    last = stored.window + WINDOW_SECONDS - 60
    return min(max(stored.first_seen // 60_000 * 60, stored.window), last)


def _shares(stored: Violation, minutes: Minutes) -> dict[int, int]:
    """The count by minute: each gives in proportion to what it has, those in which it was seen before the others.

    The others are needed where another count, of which no more is known either, took too much. Earlier ones last: they
    make the label seen some minutes too early.
    """
    first, last = _minute(stored), stored.last_seen // 1000
    shares: dict[int, int] = {}
    left = stored.reports
    for among in (range(first, max(first, last) + 1), range(last + 1, stored.window + WINDOW_SECONDS), range(first)):
        had = {minute: has for minute, has in minutes.items() if has > 0 and minute in among and minute not in shares}
        share = min(left, sum(had.values()))
        shares |= _in_proportion(share, had)
        left -= share
    return shares


def _in_proportion(share: int, had: Minutes) -> Minutes:
    total = sum(had.values())
    given = {minute: share * has // total for minute, has in had.items()}
    left = share - sum(given.values())  # less than there are minutes, by rounding
    for minute in sorted(had):
        more = min(left, had[minute] - given[minute])
        given[minute] += more
        left -= more
    return {minute: reports for minute, reports in given.items() if reports}
