"""The spool on a disk without a byte left: it can be opened and emptied, or it would stay full for ever."""

import os
import subprocess
import sys

from tests.support.disk import SMALL_DISK, needs_a_small_disk

pytestmark = needs_a_small_disk
_BEGIN = """
import os, pytest, sys, time
from pathlib import Path
from log import segments
from log.frame import HEADER, split
from log.protocols import LogFull
from log.segments import SegmentWriter
folder = Path(sys.argv[1])

def fill(name="filler"):
    with (folder / name).open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            os.write(file.fileno(), bytes(1 << 12))

def records():
    return [record for path in segments.segments(folder)
            for record in split(path.read_bytes()[len(HEADER):], final=True).records]
"""


def on_a_small_disk(folder, code):
    """Runs `code` with a tmpfs of 64 KiB as `folder`."""
    done = subprocess.run(
        [*SMALL_DISK, "64k", folder, sys.executable, "-c", _BEGIN + code, folder],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": "."},
        timeout=30,
    )
    assert done.returncode == 0, done.stderr


def test_a_writer_can_be_opened_on_a_full_disk_and_writes_when_there_is_room(tmp_path):
    on_a_small_disk(
        tmp_path,
        """
fill()
writer = SegmentWriter(folder, 1 << 20)
with pytest.raises(LogFull):
    writer.append([b"x"])
assert records() == []
(folder / "filler").unlink()
writer.append([b"one"])
writer.append([b"two"])
assert records() == [b"one", b"two"]
assert segments.segments(folder)[0].read_bytes().startswith(HEADER)
""",
    )


def test_the_segment_that_fills_the_disk_is_closed_when_nothing_more_fits(tmp_path):
    on_a_small_disk(
        tmp_path,
        """
segments.IDLE_SECONDS = 0
writer = SegmentWriter(folder, 1 << 20)
with pytest.raises(LogFull):
    while True:
        writer.append([b"x" * 1000])
fill()
writer.tend()
writer.tend()
full, fresh = segments.segments(folder)
assert fresh.stat().st_size == 0
full.unlink()
writer.append([b"one"])
assert records() == [b"one"]
""",
    )


def test_a_writer_that_never_had_room_leaves_nothing(tmp_path):
    on_a_small_disk(
        tmp_path,
        """
fill()
writer = SegmentWriter(folder, 1 << 20)
writer.tend()
writer.tend()
assert len(segments.segments(folder)) == 1
writer.close()
assert segments.segments(folder) == []
""",
    )
