"""Rows that move a count to another label: nothing is lost, no minute goes below zero, times stay."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from processor import moves
from processor.moves import Change, group_of
from processor.noise import Noise
from tests.support.store import START, violation

NEW = Noise("injected", "widget", "2")
MINUTES = [START + 60 * number for number in range(10)]


def change(number: int = 0, *, reports: int = 5, first: float = 0, last: float = 599, **fields: object) -> Change:
    stored = violation(number, at=START + first, reports=reports, last_seen=int((START + last) * 1000), **fields)
    return Change(stored, NEW)


def test_a_count_goes_where_its_label_has_reports():
    its = change(reports=10)
    rows = moves.rows([its], {group_of(its.stored): {MINUTES[0]: 15, MINUTES[3]: 5}})
    assert [(row.noise, row.reports, row.first_seen // 60_000 * 60) for row in rows] == [
        ("", -8, MINUTES[0]), ("injected", 8, MINUTES[0]), ("", -2, MINUTES[3]), ("injected", 2, MINUTES[3]),
    ]  # fmt: skip
    assert {(row.noise_rule, row.noise_version) for row in rows if row.noise} == {("widget", "2")}


def test_those_minutes_come_first_in_which_it_was_seen():
    its = change(reports=4, first=130, last=200)
    rows = moves.rows([its], {group_of(its.stored): {MINUTES[0]: 50, MINUTES[2]: 1, MINUTES[3]: 2, MINUTES[9]: 50}})
    taken = {row.first_seen // 60_000 * 60: row.reports for row in rows if row.reports > 0}
    assert taken[MINUTES[2]] == 1
    assert taken[MINUTES[3]] == 2
    assert sum(taken.values()) == 4


def test_what_minutes_does_not_know_stays_for_the_next_time():
    its = change(reports=10)
    rows = moves.rows([its], {group_of(its.stored): {MINUTES[1]: 3}})
    assert moves.told([its], rows) == {(its.stored.noise_rule, its.label.rule): 3}
    assert moves.rows([its], {}) == []


def test_the_new_label_is_as_old_as_the_old_one_was():
    its = change(reports=3, first=0.5)
    rows = moves.rows([its], {group_of(its.stored): {MINUTES[4]: 3}})
    assert min(row.first_seen for row in rows if row.noise) == its.stored.first_seen
    assert all(row.first_seen >= its.stored.first_seen for row in rows)


def test_another_rule_of_the_same_category_is_a_row_that_counts_nothing():
    its = change(noise="injected", noise_rule="old")
    [row] = moves.rows([its], {})
    assert (row.reports, row.noise, row.noise_rule, row.noise_version) == (0, "injected", "widget", "2")
    assert (row.first_seen, row.last_seen) == (its.stored.first_seen, its.stored.last_seen)


_CHANGES = st.lists(
    st.builds(
        change,
        st.integers(0, 5),
        reports=st.integers(1, 1000),
        first=st.integers(-700, 700),  # an imported row may say what it likes
        last=st.integers(-700, 1300),
        browser=st.sampled_from(["Chrome", "Firefox"]),
        window=st.just(START),
    ),
    max_size=8,
)
_MINUTES = st.dictionaries(st.sampled_from(MINUTES), st.integers(1, 2000))


@given(_CHANGES, _MINUTES, _MINUTES)
def test_no_minute_and_no_label_is_left_with_less_than_nothing(changes: list[Change], chrome: dict, firefox: dict):
    minutes = {}
    for its in changes:
        minutes[group_of(its.stored)] = dict(chrome if its.stored.browser == "Chrome" else firefox)
    had = {group: dict(found) for group, found in minutes.items()}
    rows = moves.rows(changes, minutes)
    assert sum(row.reports for row in rows) == 0
    for row in rows:
        minute = min(max(row.first_seen // 60_000 * 60, row.window), row.window + 540)  # as the view has it
        group = group_of(msgspec.structs.replace(row, noise=""))
        if row.reports < 0:
            had[group][minute] += row.reports
    assert all(reports >= 0 for found in had.values() for reports in found.values())
    assert had == minutes
    for group, found in had.items():
        wanted = sum(its.stored.reports for its in changes if group_of(its.stored) == group)
        before = chrome if "Chrome" in group else firefox
        assert sum(found.values()) == max(0, sum(before.values()) - wanted)
