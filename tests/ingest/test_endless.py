"""How much a request may send: of its framing in proportion to its body, and of all a bounded sum."""

import pytest

from ingest.endless import DRAINED_BYTES, MAX_HEAD_BYTES, is_endless

MOST = 256 * 1024


@pytest.mark.parametrize("body", [0, 1, 1000, MOST])
def test_a_body_in_chunks_of_one_byte_behind_a_head_of_the_longest_kind_has_an_end(body):
    assert not is_endless(MAX_HEAD_BYTES + 6 * body, body, MOST)


def test_a_head_one_byte_too_long_has_none():
    assert is_endless(MAX_HEAD_BYTES + 1, 0, MOST)


def test_a_byte_of_a_body_buys_no_long_line():
    assert is_endless(2 * 60_000, 2, MOST)


def test_framing_is_bounded_whatever_the_body_is():
    """A trailer is put together again at each read of it."""
    body = 50 * 1024 * 1024
    assert is_endless(body + 3 * 1024 * 1024, body, DRAINED_BYTES)


def test_of_a_body_over_the_limit_enough_is_read_for_its_sender_to_see_the_answer():
    assert not is_endless(DRAINED_BYTES, DRAINED_BYTES, MOST)
    assert is_endless(DRAINED_BYTES + MOST + 1, DRAINED_BYTES + MOST + 1, MOST)
