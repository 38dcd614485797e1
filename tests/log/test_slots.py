"""The small file that remembers: whole after any kill, on any disk, or known to be damaged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from log.slots import Saved, Slots
from tests.support.disk import SMALL_DISK, needs_a_small_disk

SIZE = 16
CONTENTS = st.binary(max_size=SIZE)


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """A path that examples share, each beginning with no file."""
    return tmp_path_factory.mktemp("slots") / "file"


def fresh(path: Path) -> Slots:
    path.unlink(missing_ok=True)
    return Slots(path, SIZE)


def found(path: Path) -> Saved:
    slots = Slots(path, SIZE)
    try:
        return slots.load()
    finally:
        slots.close()


def loaded(path: Path) -> bytes | None:
    return found(path).content


def saved(path: Path, *contents: bytes) -> None:
    slots = Slots(path, SIZE)
    slots.load()
    for content in contents:
        slots.save(content)
    slots.close()


@given(st.lists(CONTENTS))
def test_what_was_saved_last_is_loaded(file, contents):
    fresh(file).close()
    assert loaded(file) is None
    for turn, content in enumerate(contents, start=1):
        saved(file, content)
        assert found(file) == (turn, content, True)


@settings(max_examples=50)
@given(st.lists(CONTENTS, max_size=4), CONTENTS)
def test_a_kill_at_any_byte_of_a_write_leaves_the_old_or_the_new(file, earlier, new):
    fresh(file).close()
    saved(file, *earlier)
    before = file.read_bytes()
    saved(file, new)
    after = file.read_bytes()
    assert len(after) == len(before)
    for byte in [place for place, (old, its) in enumerate(zip(before, after, strict=True)) if old != its]:
        file.write_bytes(after[:byte] + before[byte:])
        assert loaded(file) in ((earlier or [None])[-1], new)


@given(st.lists(CONTENTS, min_size=1, max_size=5), CONTENTS)
def test_after_a_write_that_was_cut_short_the_next_ones_are_kept(file, earlier, new):
    fresh(file).close()
    saved(file, *earlier)
    before = file.read_bytes()
    saved(file, b"cut short")
    torn = file.read_bytes()
    middle = next(byte for byte in range(len(torn)) if torn[byte] != before[byte]) + 5
    file.write_bytes(torn[:middle] + before[middle:])
    saved(file, new)
    assert loaded(file) == new


@given(st.data())
def test_damage_of_one_slot_leaves_the_other_and_is_told(file, data):
    fresh(file).close()
    saved(file, b"older", b"newer")
    half = file.stat().st_size // 2
    for start in (0, half):
        text = bytearray(file.read_bytes())
        place = start + data.draw(st.integers(0, 24))
        text[place] ^= data.draw(st.integers(1, 255))
        damaged = file.with_name("damaged")
        damaged.write_bytes(text)
        assert found(damaged) in ((1, b"older", False), (2, b"newer", False))


@pytest.mark.parametrize("slot", [0, 1])
def test_a_slot_of_zeros_that_was_written_is_damage(file, slot):
    fresh(file).close()
    saved(file, b"oldest", b"older", b"newer")
    half = file.stat().st_size // 2
    with file.open("r+b") as its:
        its.seek(slot * half)
        its.write(bytes(half))
    assert not found(file).whole


@pytest.mark.parametrize("damage", [lambda text: b"\xff" * len(text), lambda text: text[:10], lambda _: b""])
def test_damage_of_both_leaves_nothing_and_is_told(file, damage):
    fresh(file).close()
    saved(file, b"older", b"newer")
    file.write_bytes(damage(file.read_bytes()))
    assert found(file) == (0, None, False)


def test_random_bytes_of_the_right_length_are_damage(file):
    fresh(file).close()
    file.write_bytes(os.urandom(file.stat().st_size))
    assert not found(file).whole


def test_what_does_not_fit_is_refused_and_changes_nothing(file):
    slots = fresh(file)
    slots.save(b"x" * SIZE)
    with pytest.raises(ValueError, match="17 bytes"):
        slots.save(b"x" * (SIZE + 1))
    assert slots.load().content == b"x" * SIZE
    slots.close()


def test_a_kill_while_the_file_is_made_leaves_none_and_the_next_one_makes_it(file):
    fresh(file).close()
    file.with_suffix(".new").write_bytes(b"half")
    file.unlink()
    assert loaded(file) is None


_SAVE = """
import sys
from pathlib import Path
from log.slots import Slots
disk = Path(sys.argv[1])
slots = Slots(disk / "file", 128 * 1024)
try:
    (disk / "filler").write_bytes(bytes(4 << 20))
except OSError as error:
    print(error)
for number in range(100):
    slots.save(b"%d" % number * 20_000)
print(slots.load().content == b"99" * 20_000)
try:
    Slots(disk / "other", 128 * 1024)
except OSError:
    print((disk / "other").exists())
"""


@needs_a_small_disk
def test_once_made_it_is_written_on_a_full_disk_and_none_is_made_in_part(tmp_path):
    done = subprocess.run(
        [*SMALL_DISK, "1m", tmp_path, sys.executable, "-c", _SAVE, tmp_path], check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == ["[Errno 28] No space left on device", "True", "False"]
