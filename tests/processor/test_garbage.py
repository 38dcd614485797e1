"""What a batch leaves behind goes with it, though Python looks for garbage more rarely than by default."""

import gc
import weakref

import pytest

from processor.garbage import Garbage


@pytest.fixture
def garbage():
    before = gc.get_threshold()
    yield Garbage()
    gc.set_threshold(*before)


class Column(list):
    """A list that can be asked for."""


class Cycle:
    def __init__(self):
        self.itself = self


def test_the_columns_of_an_insert_are_gone_after_its_batch(garbage, store):
    client, column = store.client(), Column(["0"])
    kept = weakref.ref(column)
    client.insert("starts", [column], column_names=["version"], column_oriented=True)
    del column
    garbage.collect()
    assert kept() is None


def test_garbage_that_grew_old_is_found_later(garbage, monkeypatch):
    old = Cycle()
    kept = weakref.ref(old)
    garbage.collect()
    garbage.collect()
    del old
    garbage.collect()
    assert kept() is not None
    monkeypatch.setattr("time.monotonic", lambda: float("inf"))
    garbage.collect()
    assert kept() is None
