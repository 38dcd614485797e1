"""A damaged memory of what was shipped: set aside and told; its copy goes on. Nothing is lost, whatever is damaged."""

import contextlib
import errno
import os
from pathlib import Path

import pytest

from log.broken import Broken
from log.outbox import Outbox
from log.packing import ENVELOPE_BYTES, SURE_BYTES
from log.remembered import NO_PRODUCER
from log.segments import SegmentWriter, segments
from schema import metrics
from schema.health import Health

NAMES = ("shipping", "shipping-copy")
EXACT = "its copy is right, and nothing is lost or counted twice"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Of a collector that shipped two envelopes of three, and was killed before Kafka took the second."""
    folder = tmp_path / "spool" / "0"
    writer, box = SegmentWriter(folder, 1 << 30), Outbox(folder)
    box.adopt("cluster", 7, 0)
    for number in range(2):
        writer.append([b"%d" % number])
        flight = box.take_off(box.cut(ENVELOPE_BYTES), number, 1)
        if not number:
            box.land(flight)
    writer.append([b"2"])
    box.close()
    writer.close()
    return folder


@pytest.fixture
def opened(spool, caplog):
    """The spool as the next process finds it, and what it says of damage."""

    def open_it() -> tuple[Outbox, str]:
        caplog.clear()
        return Outbox(spool), caplog.text

    return open_it


def to_ship(box: Outbox) -> list[bytes]:
    """What goes out now: what was under way, and the rest."""
    records = []
    for flight in list(box.state.flights):
        records += box.deliveries(flight)
        box.land(flight)
    while (cut := box.cut(ENVELOPE_BYTES)) is not None:
        box.land(box.take_off(cut, 0, 1))
        records += cut.deliveries
    return records


def zeros(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def cut(file: Path) -> None:
    os.truncate(file, 10)


def flipped(file: Path) -> None:
    """In the slot that was written last, or before that: each has the same right content but for one byte."""
    text = bytearray(file.read_bytes())
    for start in (0, len(text) // 2):
        text[start + 25] ^= 1
    file.write_bytes(text)


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def newest_flipped(file: Path) -> None:
    text, half = bytearray(file.read_bytes()), file.stat().st_size // 2
    newest = max((0, half), key=lambda start: int.from_bytes(text[start + 4 : start + 12], "little"))
    text[newest + 25] ^= 1
    file.write_bytes(text)


DAMAGES = [zeros, cut, flipped, folder, newest_flipped]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_one_damaged_file_costs_nothing(spool, opened, damage, name):
    before, _ = opened()
    before.close()
    damage(spool / name)
    box, told = opened()
    assert f"{name} of what was shipped is damaged" in told
    assert EXACT in told
    assert box.state == before.state
    assert to_ship(box) == [b"1", b"2"]
    box.close()
    assert [path.name for path in (spool.parent.parent / "broken").iterdir()] == [f"0-{name}"]


@pytest.mark.parametrize("damage", [zeros, cut, flipped, folder])
def test_with_both_damaged_all_of_the_spool_is_shipped_again_by_a_new_producer(spool, opened, damage):
    for name in NAMES:
        damage(spool / name)
    box, told = opened()
    [segment] = spool.glob("*.seg")
    assert (
        f"shipped from its start: what of its {segment.stat().st_size} bytes is in Kafka already counts twice" in told
    )
    assert box.state.producer == NO_PRODUCER
    assert to_ship(box) == [b"0", b"1", b"2"]
    box.close()


def test_with_the_last_word_damaged_in_both_nothing_goes_out_under_a_number_of_before(spool, opened):
    """Kafka would take what comes under a known number for a repeat, and drop it."""
    for name in NAMES:
        newest_flipped(spool / name)
    box, told = opened()
    assert "nothing is lost, and the envelopes that went out last may count twice" in told
    assert box.state.producer == NO_PRODUCER
    assert set(to_ship(box)) >= {b"1", b"2"}
    box.close()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_missing_is_made_from_the_other(spool, opened, name):
    """As of a version that knew no copy."""
    before, _ = opened()
    before.close()
    (spool / name).unlink()
    box, told = opened()
    assert told == ""
    assert box.state == before.state
    box.close()
    (spool / ({*NAMES} - {name}).pop()).unlink()
    assert opened()[0].state == before.state


def test_a_file_of_long_ago_is_set_aside(spool, opened):
    old = (spool / NAMES[0]).read_bytes()
    for _ in range(3):
        opened()[0].close()
    (spool / NAMES[0]).write_bytes(old)
    box, told = opened()
    assert EXACT in told
    box.close()


def test_once_set_aside_it_is_told_no_more_but_that_the_folder_is_to_be_emptied(spool, opened):
    zeros(spool / NAMES[0])
    opened()[0].close()
    box, told = opened()
    assert told == ""
    box.close()
    health = Health()
    Broken(spool.parent.parent, health)
    assert "1 damaged files were set aside in" in health.troubles()[0]


@pytest.mark.parametrize("damage", [lambda text: b"garbage!" + text[8:], lambda text: text[:18] + b"?" + text[19:]])
def test_a_damaged_segment_is_told_and_kept_and_the_rest_is_shipped(spool, opened, damage):
    for name in NAMES:
        (spool / name).unlink()
    [segment] = spool.glob("*.seg")
    segment.write_bytes(damaged := damage(segment.read_bytes()))
    box, _ = opened()
    assert to_ship(box)[-2:] == [b"1", b"2"]
    box.close()
    [kept] = (spool.parent.parent / "broken").iterdir()
    assert kept.name == f"0-{segment.name}"
    assert kept.read_bytes() == damaged


def test_damage_in_what_is_cut_twice_is_told_once(spool, opened, caplog):
    """As where the first cut can't be compressed."""
    box, _ = opened()
    to_ship(box)
    with contextlib.closing(SegmentWriter(spool, 1 << 30)) as writer:
        writer.append([b"before", b"x" * 1000, b"after"])
    path = segments(spool)[-1]
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"x" * 1000) + 500] ^= 1
    path.write_bytes(raw)
    caplog.clear()
    torn = metrics.SPOOL_TORN._value.get()
    assert [box.cut(ENVELOPE_BYTES).deliveries, box.cut(SURE_BYTES).deliveries] == [[b"before", b"after"]] * 2
    assert (metrics.SPOOL_TORN._value.get() - torn, caplog.text) == (0, "")
    box.take_off(box.cut(ENVELOPE_BYTES), 0, 1)
    assert metrics.SPOOL_TORN._value.get() - torn == 1
    assert caplog.text.count("is damaged") == 1


def test_a_segment_that_is_shorter_than_what_was_shipped_of_it_is_told_once(spool, opened, caplog):
    [segment] = spool.glob("*.seg")
    os.truncate(segment, 20)
    box, _ = opened()
    assert to_ship(box) == []
    assert to_ship(box) == []
    assert caplog.text.count("is damaged in 1 places") == 2  # of what was under way, and of the rest
    box.close()


def fails(monkeypatch, number: int) -> None:
    """Reading any segment."""

    def raises(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("log.outbox.read_frames", raises)


def test_what_passes_is_no_damage_and_nothing_is_set_aside(spool, monkeypatch):
    box = Outbox(spool)
    with monkeypatch.context() as short:
        fails(short, errno.EMFILE)
        with pytest.raises(OSError, match="Too many open files"):
            box.cut(ENVELOPE_BYTES)
    assert to_ship(box) == [b"1", b"2"]
    assert not (spool.parent.parent / "broken").exists()


def test_a_segment_that_the_disk_does_not_give_back_stays_as_long_as_some_of_it_is_under_way(spool, monkeypatch):
    box = Outbox(spool)
    with monkeypatch.context() as bad:
        fails(bad, errno.EIO)
        assert box.cut(ENVELOPE_BYTES) is None
    assert to_ship(box) == [b"1"]  # what was under way
    box.close()
    assert to_ship(Outbox(spool)) == [b"2"]  # it can be read again


def test_a_segment_that_there_is_no_room_to_set_aside_stays(spool, monkeypatch):
    monkeypatch.setattr("log.broken._KEPT", 0)
    box = Outbox(spool)
    box.land(box.state.flights[0])
    with monkeypatch.context() as bad:
        fails(bad, errno.EIO)
        assert box.cut(ENVELOPE_BYTES) is None
    assert segments(spool)
    box.close()
