"""A position file that is damaged, emptied, missing or old: its copy says where the reader was."""

from pathlib import Path

import pytest

from log import position
from log.broken import Broken
from log.segments import segments
from schema.health import Health
from tests.log.test_spool import _no_linger, bodies, reader, record, store, take, writer  # noqa: F401


def stored_one_of_two(folder: Path) -> Path:
    end = writer(folder)
    end.append([record(1)])
    first = reader(folder)
    store(first, take(first))
    end.append([record(2)])
    end.close()
    return folder / "processor" / "position.json"


@pytest.mark.parametrize("damage", ["", "{", "garbage", "{}", "null", '{"stored":{},"pending":null,"turn":999}'])
@pytest.mark.parametrize("which", [0, 1])
def test_one_damaged_file_loses_and_doubles_nothing(tmp_path, damage, which):
    file = position.files(stored_one_of_two(tmp_path))[which]
    file.write_text(damage)
    health = Health()
    consumer = reader(tmp_path, Broken(tmp_path, health))
    assert bodies(take(consumer)) == [b'{"n":2}']
    assert "position" in health.troubles()[0]
    assert health.problems() == []  # it hinders nothing
    assert [path.name for path in (tmp_path / "broken").iterdir()] == [file.name]


@pytest.mark.parametrize("which", [0, 1])
def test_a_flipped_bit_is_known_by_the_checksum(tmp_path, which):
    file = position.files(stored_one_of_two(tmp_path))[which]
    text = file.read_bytes()
    digit = text.index(b".seg") + len(b'.seg":')
    file.write_bytes(text[:digit] + bytes([text[digit] ^ 1]) + text[digit + 1 :])
    assert bodies(take(reader(tmp_path))) == [b'{"n":2}']


def test_an_old_file_is_known_by_its_turn(tmp_path):
    end = writer(tmp_path)
    end.append([record(1)])
    first = reader(tmp_path)
    store(first, take(first))
    file = tmp_path / "processor" / "position.json"
    old = file.read_bytes()
    for number in (2, 3):
        end.append([record(number)])
        store(first, take(first))
    file.write_bytes(old)
    end.append([record(4)])
    assert bodies(take(reader(tmp_path))) == [b'{"n":4}']


def test_a_missing_file_is_made_up_for_by_its_copy(tmp_path):
    stored_one_of_two(tmp_path).unlink()
    assert bodies(take(reader(tmp_path))) == [b'{"n":2}']


def test_where_both_are_damaged_nothing_is_lost_and_what_may_count_twice_is_said(tmp_path):
    file = stored_one_of_two(tmp_path)
    for path in position.files(file):
        path.write_text("garbage")
    health = Health()
    assert bodies(take(reader(tmp_path, Broken(tmp_path, health)))) == [b'{"n":1}', b'{"n":2}']
    assert "counts twice" in health.troubles()[0]


def test_a_file_of_an_earlier_version_has_no_copy_and_is_followed(tmp_path):
    file = stored_one_of_two(tmp_path)
    [segment] = segments(tmp_path / "spool" / "0")
    at = position.load(file).position.stored[f"0/{segment.name}"]
    position.forget(file)
    file.write_text(f'{{"stored":{{"0/{segment.name}":{at}}},"pending":null}}')
    assert bodies(take(reader(tmp_path))) == [b'{"n":2}']


def test_a_version_that_knew_no_copy_was_the_last_to_write(tmp_path):
    """After a downgrade and an upgrade the copy is old."""
    file = stored_one_of_two(tmp_path)
    [segment] = segments(tmp_path / "spool" / "0")
    file.write_text(f'{{"stored":{{"0/{segment.name}":{segment.stat().st_size}}},"pending":null}}')
    assert take(reader(tmp_path)) is None
