"""A URL as the settings read it."""

import pytest

from log.places import KafkaPlace
from schema.places import ClickHousePlace
from sentinel.settings import WrongSetting, load


def kafka(url: str) -> KafkaPlace:
    place = load({"SENTINEL_LOG": url}, None, {}).log
    assert place is not None
    return place


def clickhouse(url: str) -> ClickHousePlace:
    place = load({"SENTINEL_STORE": url}, None, {}).store
    assert place is not None
    return place


def wrong(url: str) -> str:
    name = "SENTINEL_STORE" if url.lower().startswith("click") else "SENTINEL_LOG"
    with pytest.raises(WrongSetting) as raised:
        load({name: url}, None, {})
    sentence = str(raised.value)
    assert sentence.startswith(f"{name}=")
    assert sentence.isprintable()
    assert len(sentence) < 320
    return sentence
