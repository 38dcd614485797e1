"""Each file of a spool, damaged in each way: it is told and set aside, and what is not damaged is read, once."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from log import position
from log.broken import Broken
from log.frame import HEADER
from log.segments import segments
from log.spool import SpoolConsumer
from schema.health import Health
from tests.log.test_damage import but, spooled
from tests.log.test_spool import _no_linger, bodies, reader, record, store, take, writer  # noqa: F401


def emptied(file: Path) -> None:
    os.truncate(file, 0)


def halved(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def zeroed(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def flipped(file: Path) -> None:
    text = bytearray(file.read_bytes())
    text[len(text) // 2] ^= 0xFF
    file.write_bytes(text)


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


DAMAGES = [emptied, halved, zeroed, flipped, a_folder]


def read_on(folder: Path) -> tuple[list[bytes], str]:
    """What is read and stored, and what is said of damage."""
    health, seen = Health(), []
    consumer: SpoolConsumer = reader(folder, Broken(folder, health))
    while (batch := take(consumer)) is not None:
        seen += bodies(batch)
        store(consumer, batch)
    return seen, " ".join(health.troubles())


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_segment_is_told_and_kept_and_the_next_one_is_read(tmp_path, damage):
    path, _ = spooled(tmp_path)
    damage(path)
    end = writer(tmp_path)
    end.append([record(100)])
    end.close()
    seen, told = read_on(tmp_path)
    assert seen[-1] == b'{"n":100}'
    assert set(seen[:-1]) < set(but())
    assert len(set(seen)) == len(seen)
    assert f"segment {path} " in told
    assert [kept.name for kept in (tmp_path / "broken").iterdir()] == [f"0-{path.name}"]
    assert read_on(tmp_path)[0] == []


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_position_is_told_and_only_without_its_copy_something_is_read_again(tmp_path, damage, both):
    spooled(tmp_path)
    end = writer(tmp_path)  # a living one, whose segment stays
    for number in range(2):
        end.append([record(100 + number)])
        assert read_on(tmp_path)[0][-1] == b'{"n":%d}' % (100 + number)
    end.append([record(102)])
    for file in position.files(tmp_path / "processor" / "position.json")[: 2 if both else 1]:
        damage(file)
    seen, told = read_on(tmp_path)
    assert seen == [b'{"n":%d}' % number for number in ((100, 101, 102) if both else (102,))]
    assert ("counts twice" if both else "nothing is lost or counted twice") in told
    end.close()


def test_a_segment_that_lost_what_was_stored_of_it_is_told_and_what_is_appended_is_read(tmp_path):
    end = writer(tmp_path)
    for number in range(5):
        end.append([record(number)])
    assert len(read_on(tmp_path)[0]) == 5
    [path] = segments(tmp_path / "spool" / "0")
    os.truncate(path, 20)
    consumer = reader(tmp_path, Broken(tmp_path, health := Health()))
    assert take(consumer) is None
    assert f"segment {path} is damaged" in " ".join(health.troubles())
    for number in range(6, 8):
        end.append([record(number)])
    assert bodies(take(consumer)) == [b'{"n":6}', b'{"n":7}']
    end.close()


def test_a_damaged_header_is_told_once_however_often_it_is_looked_at(tmp_path, caplog):
    """Of a segment with nothing behind it yet."""
    end = writer(tmp_path)
    [path] = segments(tmp_path / "spool" / "0")
    path.write_bytes(b"garbage!")
    assert path.stat().st_size == len(HEADER)
    consumer = reader(tmp_path, Broken(tmp_path))
    assert [take(consumer) for _ in range(5)] == [None] * 5
    assert caplog.text.count("is damaged in 1 places") == 1
    end.append([record(1)])
    assert bodies(take(consumer)) == [b'{"n":1}']
    assert caplog.text.count("is damaged") == 1
    end.close()


def test_a_segment_that_may_not_be_read_stays_where_it_is_and_is_told_once(tmp_path, caplog):
    path, _ = spooled(tmp_path)
    broken = Broken(tmp_path)
    for _ in range(3):
        broken.unreadable(path, PermissionError(errno.EACCES, "Permission denied"), final=True)
    assert caplog.text.count("can't be read (Permission denied): the reports in it wait") == 1
    assert read_on(tmp_path)[0] == but()


def test_a_segment_that_passing_trouble_keeps_from_being_read_stays_and_is_told_once(tmp_path, caplog):
    path, _ = spooled(tmp_path)
    broken = Broken(tmp_path)
    for _ in range(3):
        broken.unreadable(path, OSError(errno.EMFILE, "Too many open files"), final=True)
    assert caplog.text.count("can't be read (Too many open files): the reports in it wait") == 1
    assert read_on(tmp_path)[0] == but()


@pytest.fixture
def intended(tmp_path):
    """A batch that was being inserted at a kill; its segment."""
    path, _ = spooled(tmp_path)
    consumer = reader(tmp_path, Broken(tmp_path))
    asyncio.run(consumer.intend(take(consumer)))
    return path


def test_a_pending_batch_whose_segment_the_disk_does_not_give_back_is_told_and_the_segment_is_kept(tmp_path, intended):
    a_folder(intended)
    seen, told = read_on(tmp_path)
    assert seen == []
    assert f"segment {intended} can't be read" in told
    assert [kept.name for kept in (tmp_path / "broken").iterdir()] == [f"0-{intended.name}"]


def test_a_pending_batch_whose_segment_can_not_be_read_now_waits(tmp_path, intended, monkeypatch):
    with monkeypatch.context() as short:

        def raises(*_):
            raise OSError(errno.EMFILE, "Too many open files")

        short.setattr("log.spool.os.pread", raises)
        with pytest.raises(OSError, match="Too many open files"):
            take(reader(tmp_path, Broken(tmp_path)))
    assert read_on(tmp_path)[0] == but()
