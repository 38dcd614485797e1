"""Users and passwords of the places: read as they were meant, and never shown."""

import pickle
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sentinel.readers import masked
from sentinel.settings import WrongSetting, read, render
from tests.support.places import clickhouse, kafka, wrong

SECRET = "hun-ter-2"
SIGNS = ["@", ":", "/", "#", "?", "&", ",", "%", "%2F", "://", "[", "=", " ", "\\"]


def told(url: str) -> str:
    """All that is said of a URL, as any setting that somebody may give it to."""
    said = ""
    for name in ("SENTINEL_LOG", "SENTINEL_LOGS", "SENTINEL_STORE", "SENTINEL_HOST"):
        for text in (url, url.replace("kafka", "clickhouse")):
            try:
                loaded = read({name: text}, None, {})
                said += render(*loaded).replace("\n", " ") + repr(loaded)
            except WrongSetting as error:
                said += str(error)
    return said


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1), st.text("ab:@/?#% ü", min_size=1))
@example("u", "p@s:s/w?o#r%d")
@example("u", "%41+")
def test_user_and_password_are_what_was_encoded(user: str, password: str) -> None:
    userinfo = f"{quote(user, safe='')}:{quote(password, safe='')}"
    log, store = kafka(f"kafka://{userinfo}@a"), clickhouse(f"clickhouse://{userinfo}@a")
    assert (log.user, log.password) == (store.user, store.password) == (user, password)


def test_a_password_may_hold_an_at_and_a_colon_as_they_are() -> None:
    assert clickhouse("clickhouses://me:hun@t:er2@db:8443/csp").password == "hun@t:er2"


@pytest.mark.parametrize(
    "userinfo", ["me:%ff@", "me:%00@", "me:a%0Ab@", "me:\udcff@", "%1B:x@"]
)  # fmt: skip
def test_what_is_no_text_is_no_password(userinfo: str) -> None:
    sentence = wrong(f"kafka://{userinfo}a/t")
    assert "UTF-8" in sentence or "control characters" in sentence


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize(
    "form",
    ["kafka://me:{}@a:9092/t", "kafkas://me:{}@a,b/t?partitions=0", "kafka://me:{}@", "kafka:/me:{}@a", "me:{}@a",
     "kafka://me:{}@a,me:{}@b/t", "kafka://me:{}@a:x/t?nope=1", "kafka://me:{}@a/t#{}@", "kafak://me:{}@a",
     "kafka://a/t?sasl_password={}", "kafka://a?Password={}&acks=0", "kafka://a?p%61ssword={}"],
)  # fmt: skip
def test_no_sentence_and_no_listing_shows_a_password(form: str, sign: str) -> None:
    assert SECRET not in told(form.replace("{}", f"{SECRET}{sign}{SECRET}"))


@pytest.mark.parametrize("sign", [sign for sign in SIGNS if sign not in "@/"])
@pytest.mark.parametrize("form", ["kafka://me:{}", "kafka://me:{}/t", "kafka://me:{}%40a/t", "kafkas://me:{},a/t"])
def test_a_password_without_its_at_is_hidden_too(form: str, sign: str) -> None:
    assert SECRET not in told(form.replace("{}", f"{SECRET}{sign}{SECRET}"))


@given(st.text(), st.sampled_from(["kafka://", "kafkas://", "clickhouse://", "", "kafka://me:", "kafka://a/t?"]))
def test_any_text_before_an_at_is_hidden(text: str, start: str) -> None:
    assert masked(f"{start}{text}@host").removeprefix(start.partition("://")[0]).startswith(("://***@", "***@"))


@given(
    st.text("kafka:/@?#&=,[]%.-_19spolcihue"),
    st.sampled_from(["kafka://", "kafkas://me:p@", "kafka://a/t?", "kafka://a?partitions=", "clickhouse://", ""]),
)
def test_any_text_is_a_place_or_one_sentence(text: str, start: str) -> None:
    assert told(f"{start}{text}").isprintable()


def test_the_listing_shows_what_was_written_in_full() -> None:
    url = f"@{','.join(f'broker-{number}.example:9092' for number in range(9))}/csp?retention=7d&security=plain"
    shown = render(*read({"SENTINEL_LOG": f"kafka://me:{SECRET}{url}"}, None, {}))
    assert f"SENTINEL_LOG=kafka://***{url}  # environment\n" in shown
    assert "SENTINEL_STORE=chdb:  # default\n" in shown


def test_a_port_that_is_a_number_is_shown() -> None:
    assert "SENTINEL_LOG=kafka://[::1]:70000,b:1/t (" in wrong("kafka://[::1]:70000,b:1/t")


def test_a_place_can_be_logged_and_handed_to_a_process() -> None:
    for place in (kafka(f"kafka://me:{SECRET}@a"), clickhouse(f"clickhouse://me:{SECRET}@a")):
        assert SECRET not in f"{place} {place!r} {place.url}"
        assert pickle.loads(pickle.dumps(place)) == place
