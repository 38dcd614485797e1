"""A table of fixed size remembers when a key was first seen."""

from hypothesis import given
from hypothesis import strategies as st

from processor.sighted import Sighted, Sighting

numbers = st.integers(0, 2**64 - 1)
keys = st.integers(1, 2**64 - 1)


@given(st.lists(st.tuples(keys, st.builds(Sighting, numbers, numbers, numbers)), max_size=8))
def test_what_was_seen_first_is_answered_for_good(seen: list[tuple[int, Sighting]]):
    table, known = Sighted(8), dict[int, Sighting]()
    for key, now in seen:
        assert table.before(key, now) == known.get(key)
        known.setdefault(key, now)


def test_half_a_million_are_remembered():
    table = Sighted()
    for key in range(1, 400_000):
        table.before(key * 0x9E3779B97F4A7C15 % 2**64, Sighting(key, 0, 0))
    forgotten = sum(
        table.before(key * 0x9E3779B97F4A7C15 % 2**64, Sighting(1 << 40, 0, 0)) is None
        for key in range(300_000, 400_000)
    )
    assert forgotten < 100


def test_where_its_places_are_taken_the_oldest_is_forgotten():
    table = Sighted(8)
    for key in range(1, 10):
        assert table.before(key, Sighting(key, 0, 0)) is None
    assert table.before(2, Sighting(10, 0, 0)) == Sighting(2, 0, 0)
    assert table.before(1, Sighting(11, 0, 0)) is None
