"""A damaged segment: what is damaged is told and kept, every other report is read."""

import pytest

from log.broken import Broken
from log.frame import HEADER
from log.segments import segments
from schema.health import Health
from tests.log.test_spool import _no_linger, bodies, reader, record, store, take, writer  # noqa: F401

COUNT = 9


def spooled(folder):
    """Nine records, each of a write of its own; the segment, and where each frame starts."""
    end, starts = writer(folder), []
    for number in range(COUNT):
        starts.append(end.written[1] or len(HEADER))
        end.append([record(number)])
    end.close()
    [path] = segments(folder / "spool" / "0")
    return path, starts


def read_all(folder, health=None) -> list[bytes]:
    consumer, seen = reader(folder, Broken(folder, health)), []
    while (batch := take(consumer)) is not None:
        seen += bodies(batch)
        store(consumer, batch)
    return seen


def but(*lost: int) -> list[bytes]:
    return [b'{"n":%d}' % number for number in range(COUNT) if number not in lost]


@pytest.mark.parametrize("at, length", [(0, 1), (3, 4), (7, 4), (12, 2), (0, 30)])
def test_a_damaged_record_in_the_middle_is_lost_alone(tmp_path, at, length):
    path, starts = spooled(tmp_path)
    text = bytearray(path.read_bytes())
    for place in range(starts[4] + at, starts[4] + at + length):
        text[place] ^= 0xFF
    path.write_bytes(text)
    health = Health()
    assert read_all(tmp_path, health) == but(4)
    assert f"{path} is damaged in 1 places" in " ".join(health.troubles())
    assert health.problems() == []
    [kept] = (tmp_path / "broken").iterdir()
    assert kept.read_bytes() == text
    assert not path.exists()  # the spool is emptied all the same


def test_a_truncated_segment_loses_its_end_alone(tmp_path):
    path, starts = spooled(tmp_path)
    with path.open("r+b") as file:
        file.truncate(starts[7] + 5)
    health = Health()
    assert read_all(tmp_path, health) == but(7, 8)
    assert len(health.troubles()) == 1


@pytest.mark.parametrize("header", [b"\0" * 8, b"CSPSPL\x00\xfe", b"garbage!"])
def test_a_damaged_header_costs_no_report(tmp_path, header):
    path, _ = spooled(tmp_path)
    path.write_bytes(header + path.read_bytes()[len(HEADER) :])
    health = Health()
    assert read_all(tmp_path, health) == but()
    assert len(health.troubles()) == 1


def test_a_whole_segment_of_garbage_does_not_hinder_the_next_one(tmp_path):
    path, _ = spooled(tmp_path)
    path.write_bytes(bytes(range(256)) * 50)
    end = writer(tmp_path)
    end.append([record(100)])
    assert read_all(tmp_path) == [b'{"n":100}']


def test_damage_is_told_again_at_the_next_start_until_somebody_has_looked(tmp_path):
    path, starts = spooled(tmp_path)
    path.write_bytes(path.read_bytes()[: starts[8] + 3])
    read_all(tmp_path)
    health = Health()
    Broken(tmp_path, health)
    assert "1 damaged files were set aside" in health.troubles()[0]
    for kept in (tmp_path / "broken").iterdir():
        kept.unlink()
    health = Health()
    Broken(tmp_path, health)
    assert health.troubles() == []
