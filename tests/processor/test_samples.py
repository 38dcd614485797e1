"""The sample as part of identity: for eval and inline, by its words."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.fingerprint import fingerprint
from processor.samples import identity
from schema.names import BY_SAMPLE
from tests.support.store import violation


def of(kind: str, sample: str) -> bytes:
    return fingerprint(msgspec.structs.replace(violation(1), blocked_kind=kind, blocked_url=kind, sample=sample))


@pytest.mark.parametrize("kind", ["eval", "wasm-eval", "inline", "self", "trusted-types"])
def test_another_sample_is_another_violation(kind):
    assert len({of(kind, ""), of(kind, "alert('a')"), of(kind, "track('b')")}) == 3


@pytest.mark.parametrize("kind", ["url", "data", "blob", "extension", "empty", "other"])
def test_where_something_was_loaded_the_sample_takes_no_part(kind):
    assert of(kind, "alert('a')") == of(kind, "")


@pytest.mark.parametrize(
    "one, other",
    [
        ("var a = 1;\n  go(a)", "var a = 1; go(a)"),
        ("show(17)", "show(123456)"),
        ("init('3f2a9c8e1b')", "init('99c8e1b3f2')"),
        ("id='123e4567-e89b-12d3-a456-426614174000'", "id='00000000-e89b-42d3-a456-426614174abc'"),
        ('<script nonce="dGVzdA">go()', '<script nonce="b3RoZXI">go()'),
        ("session('kX9dLmQ2vBz7')", "session('Zt4WqP81nRcy')"),
    ],
)
def test_numbers_nonces_and_random_words_make_no_other_violation(one, other):
    assert of("inline", one) == of("inline", other)
    assert one != other


def test_of_a_trusted_types_sink_the_name_tells():
    assert of("trusted-types", "Element innerHTML|<p>Ann") == of("trusted-types", "Element innerHTML|<p>Bob")
    assert of("trusted-types", "Element innerHTML|<p>Ann") != of("trusted-types", "Document write|<p>Ann")


@given(st.sampled_from(sorted(BY_SAMPLE)), st.text(max_size=60))
def test_the_identity_of_any_sample_is_its_own(kind, sample):
    once = identity(kind, sample)
    assert identity(kind, once) == once
