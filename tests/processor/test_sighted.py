"""A table of fixed size remembers when a key was first seen."""

import random

from hypothesis import given
from hypothesis import strategies as st

from processor.sighted import Sighted, Sighting

numbers = st.integers(0, 2**64 - 1)
keys = st.integers(1, 2**64 - 1)


@given(st.dictionaries(keys, st.builds(Sighting, numbers, numbers, numbers), max_size=64), st.data())
def test_what_was_put_is_taken_once(seen: dict[int, Sighting], data: st.DataObject):
    table = Sighted(64)
    for key, sighting in seen.items():
        table.put(key, sighting)
    for key in data.draw(st.permutations(list(seen))):
        assert table.take(key) == seen[key]
        assert table.take(key) is None


def test_an_array_is_known_after_a_third_of_a_million_others():
    table, chance = Sighted(), random.Random(7)
    seen = [chance.getrandbits(64) for _ in range(340_000)]
    for key in seen:
        table.put(key, Sighting(1, 2, 3))
    assert sum(table.take(key) is None for key in seen[:10_000]) < 10


def test_where_all_places_are_taken_the_one_put_first_is_forgotten():
    table = Sighted(64)
    for key in range(1, 66):
        table.put(key, Sighting(100 - key, 0, 0))  # whatever the clock says
    assert table.take(1) is None
    assert table.take(2) == Sighting(98, 0, 0)
