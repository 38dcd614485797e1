"""Tokens of signed report URLs: what verifies, what doesn't, and that nothing makes them raise."""

import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.signing import EXPIRED, INVALID, MISSING, BadKey, Signature, Signer, checked_key, new_key, token

KEY, OLD = "a-key-of-the-shop-0123456789abcdef", "the-key-it-had-before-0123456789ab"
NOW = 1_793_577_600
SIGNER = Signer("shop", [KEY, OLD])
GOOD = SIGNER.token("production", NOW + 10)


def check(text: str, now: float = NOW, signer: Signer = SIGNER) -> Signature:
    return signer.check(text.encode(), now)


def test_a_token_is_valid_until_it_expires_and_names_its_environment():
    assert check(f"k={GOOD}") == Signature("valid", "production")
    assert check(f"k={GOOD}", NOW + 9.9) == Signature("valid", "production")
    assert check(f"k={GOOD}", NOW + 10) == EXPIRED  # though it was read before
    assert check(f"k={SIGNER.token('', NOW + 10)}") == Signature("valid")


def test_a_token_can_stand_in_a_policy_and_is_short():
    assert re.fullmatch(r"[A-Za-z0-9._~-]{1,60}", GOOD)


def test_the_first_key_signs_and_all_of_them_verify():
    assert token(KEY, "shop", "production", NOW + 10) == GOOD
    assert check(f"k={token(OLD, 'shop', 'production', NOW + 10)}") == Signature("valid", "production")
    assert check(f"k={GOOD}", signer=Signer("shop", [OLD])) == INVALID


def test_a_token_is_for_one_site():
    assert check(f"k={GOOD}", signer=Signer("shop2", [KEY])) == INVALID


@pytest.mark.parametrize("environment", ["staging", "", "productio", "production1"])
def test_neither_environment_nor_expiry_can_be_exchanged(environment: str):
    _, _, expires, mac = GOOD.split(".")
    assert check(f"k=1.{environment}.{expires}.{mac}") == INVALID
    assert check(f"k=1.production.{int(expires) + 1}.{mac}") == INVALID
    assert check(f"k=1.production.0{expires[1:]}.{mac}") == INVALID


@pytest.mark.parametrize("query", ["", "v=2", "K=1", "kk=1", "v=k", "&&", "#k=1", "k%3D1"])
def test_a_query_without_the_parameter_has_no_signature(query: str):
    assert check(query) == MISSING


def test_other_parameters_and_escapes_change_nothing():
    escaped = "".join(f"%{ord(char):02X}" for char in GOOD)
    for query in (f"v=2&k={GOOD}", f"k={GOOD}&v=k", f"&k={GOOD}&", f"%6B={GOOD}", f"k={escaped}", f"k={GOOD}#top"):
        assert check(query) == Signature("valid", "production"), query


@pytest.mark.parametrize(
    "query",
    [
        "k", "k=", "k=1", "k=...", f"k={GOOD}&k={GOOD}", f"k={GOOD}&k=", f"k=+{GOOD}", f"k={GOOD}%00", f"k={GOOD}%0A",
        f"k={GOOD}=", f"k={quote(quote(GOOD), safe='').replace('.', '%252E')}", f"k={GOOD}é", "k=%E2%98%83", "k=%FF",
        f"k={GOOD}&v={'x' * 2000}", "k=" + "9" * 60_000, f"k={GOOD.upper()}", f"k=2{GOOD[1:]}",
    ],
)  # fmt: skip
def test_what_is_no_token_is_invalid(query: str):
    assert check(query) == INVALID


@given(st.integers(0, len(GOOD) - 1), st.characters())
def test_a_changed_character_never_verifies(at: int, char: str):
    changed = GOOD[:at] + char + GOOD[at + 1 :]
    outcome = SIGNER.check(f"k={changed}".encode(errors="replace"), NOW).outcome
    assert (outcome == "valid") == (changed == GOOD)


@given(st.binary(max_size=300), st.floats(0, 1e12))
def test_no_query_makes_it_raise_or_verifies(query: bytes, now: float):
    for sent in (query, b"k=" + query, b"k=" + GOOD.encode()[:40] + query):
        assert SIGNER.check(sent, now).outcome in {"missing", "invalid", "expired"}


@given(st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True), st.integers(NOW + 1, 10**10 - 1))
def test_what_is_signed_verifies(environment: str, expires: int):
    assert check(f"k={SIGNER.token(environment, expires)}") == Signature("valid", environment)


def test_what_is_remembered_is_bounded():
    signer = Signer("shop", [KEY])
    for number in range(10_000):
        check(f"k={number}", signer=signer)
    assert len(signer._read_before) <= 4096
    check("k=" + "x" * 900, signer=signer)
    assert max(map(len, signer._read_before)) <= 256
    assert check(f"k={GOOD}", signer=signer) == Signature("valid", "production")


def test_a_key_that_could_be_guessed_is_refused_without_showing_it():
    assert checked_key(new_key()) != new_key()
    for key in ("short", "x" * 257, "a" * 40, "a key with blanks in it, quite long", "schlüssel" * 5, 12, None):
        with pytest.raises(BadKey) as refused:
            checked_key(key)
        assert str(key) not in str(refused.value)


def test_no_key_is_shown_by_accident():
    assert KEY not in repr(SIGNER) + str(SIGNER)
