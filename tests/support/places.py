"""A URL as the settings read it."""

import pytest

from log.places import KafkaPlace
from schema.places import ClickHousePlace
from sentinel.settings import WrongSetting, read


def kafka(url: str) -> KafkaPlace:
    place = read({"SENTINEL_LOG": url}, None, {}).settings.log
    assert place is not None
    return place


def clickhouse(url: str) -> ClickHousePlace:
    place = read({"SENTINEL_STORE": url}, None, {}).settings.store
    assert place is not None
    return place


def wrong(url: str) -> str:
    name = "SENTINEL_STORE" if url.lower().startswith("click") else "SENTINEL_LOG"
    with pytest.raises(WrongSetting) as raised:
        read({name: url}, None, {})
    sentence = str(raised.value)
    assert sentence.startswith(f"{name}=")
    assert sentence.isprintable()
    assert len(sentence) < 320
    return sentence
