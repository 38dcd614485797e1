"""A spool nobody appends to is shipped whole, and then its folder is gone."""

import asyncio
from pathlib import Path

import pytest

from log import leftovers
from log.frame import frame
from log.leftovers import collector_name, ship
from log.places import KafkaPlace
from log.reading import OtherVersion
from log.segments import FolderInUse, SegmentWriter
from tests.support.shipping import numbers, record
from tests.support.shipping import ship as ship_some
from tests.support.topics import envelopes, make, new_place


@pytest.fixture
def place(kafka) -> KafkaPlace:
    return new_place(kafka.bootstrap, 2)


def leave(folder: Path, *which: int) -> None:
    writer = SegmentWriter(folder, 1 << 30)
    for number in which:
        writer.append([record(number, 1000)])
    writer.close()


def shipped(folder: Path, place: KafkaPlace) -> None:
    asyncio.run(asyncio.wait_for(ship(folder, place), 30))


def test_all_that_is_left_is_shipped_and_the_folder_is_gone(place, tmp_path):
    leave(tmp_path / "3", *range(100))
    leave(tmp_path / "3", *range(100, 200))
    shipped(tmp_path / "3", place)
    assert numbers(place) == list(range(200))
    assert not (tmp_path / "3").exists()
    assert {envelope.collector for envelope in envelopes(place)} == {collector_name(tmp_path / "3")}


def test_an_empty_folder_goes_too(place, tmp_path):
    leave(tmp_path / "3")
    shipped(tmp_path / "3", place)
    assert not (tmp_path / "3").exists()
    assert numbers(place) == []


def test_what_its_own_collector_shipped_already_is_not_shipped_again(place, tmp_path):
    leave(tmp_path / "3", 0, 1)
    ship_some(tmp_path / "3", place)
    leave(tmp_path / "3", 2)
    shipped(tmp_path / "3", place)
    assert numbers(place) == [0, 1, 2]


def test_a_folder_whose_collector_lives_is_left_to_it(place, tmp_path):
    writer = SegmentWriter(tmp_path / "3", 1 << 30)
    writer.append([record(0)])
    with pytest.raises(FolderInUse):
        shipped(tmp_path / "3", place)
    writer.close()
    assert numbers(place) == []
    assert (tmp_path / "3").exists()


def test_what_is_wrong_is_told_and_tried_until_it_is_right(kafka, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(leftovers, "_LOOK_SECONDS", 0.05)
    place = KafkaPlace(brokers=(kafka.bootstrap,), topic=f"topic-{tmp_path.name}-{id(tmp_path)}")
    leave(tmp_path / "3", 0)

    async def run() -> None:
        shipping = asyncio.create_task(ship(tmp_path / "3", place))
        async with asyncio.timeout(30):
            while "csp-sentinel init" not in caplog.text:  # noqa: ASYNC110  # nothing else tells
                await asyncio.sleep(0.02)
            await make(place, place.topic)
            await shipping

    asyncio.run(run())
    assert numbers(place) == [0]
    assert not (tmp_path / "3").exists()


def test_what_another_version_wrote_is_told_and_kept(place, tmp_path):
    leave(tmp_path / "3")
    (tmp_path / "3" / "00000000000000000001.seg").write_bytes(b"CSPSPL\x00\x02" + frame(b"one"))
    with pytest.raises(OtherVersion):
        shipped(tmp_path / "3", place)
    assert (tmp_path / "3" / "00000000000000000001.seg").exists()
    leave(tmp_path / "3")  # and the folder is free again


def test_a_damaged_memory_hinders_nothing_and_the_folder_is_gone(place, tmp_path):
    folder = tmp_path / "spool" / "3"
    leave(folder, 0)
    for name in ("shipping", "shipping-copy"):
        (folder / name).write_bytes(b"damage")
    shipped(folder, place)
    assert numbers(place) == [0]
    assert not folder.exists()
    assert sorted(path.name for path in (tmp_path / "broken").iterdir()) == ["3-shipping", "3-shipping-copy"]
