import contextlib
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from log.frame import HEADER, split
from log.protocols import LogFull
from log.segments import FolderInUse, SegmentWriter, has_writer, segments
from tests.support.store import elsewhere


@pytest.fixture
def open_writer(tmp_path):
    writers = []

    def make(max_bytes: int = 1 << 20) -> SegmentWriter:
        writers.append(SegmentWriter(tmp_path, max_bytes))
        return writers[-1]

    yield make
    for writer in writers:
        writer.close()


def records(folder: Path) -> list[bytes]:
    return [
        record for path in segments(folder) for record in split(path.read_bytes()[len(HEADER) :], final=True).records
    ]


def test_an_append_is_in_the_file_when_it_returns(tmp_path, open_writer):
    writer = open_writer()
    writer.append([b"one"])
    writer.append([b"two", b"three"])
    assert records(tmp_path) == [b"one", b"two", b"three"]


def test_more_records_than_a_write_takes_pieces_are_kept_by_one_append(tmp_path, open_writer):
    many = [b"%d" % number for number in range(os.sysconf("SC_IOV_MAX") + 1)]
    open_writer().append(many)
    assert records(tmp_path) == many


def test_a_second_writer_is_kept_out_while_the_first_lives(tmp_path, open_writer):
    writer = open_writer()
    assert has_writer(tmp_path)
    with pytest.raises(FolderInUse):
        SegmentWriter(tmp_path, 1 << 20)
    writer.close()
    assert not has_writer(tmp_path)
    SegmentWriter(tmp_path, 1 << 20).close()


def test_the_quota_refuses_and_keeps_what_was_there(tmp_path, open_writer):
    writer = open_writer(1000)
    writer.append([b"a" * 500])
    with pytest.raises(LogFull):
        writer.append([b"b" * 500])
    writer.append([b"c" * 100])
    assert records(tmp_path) == [b"a" * 500, b"c" * 100]


def test_the_quota_counts_again_what_the_reader_deleted(tmp_path, open_writer):
    writer = open_writer(1000)
    writer.append([b"a" * 900])
    writer.roll()
    with pytest.raises(LogFull):
        writer.append([b"b" * 500])
    segments(tmp_path)[0].unlink()
    time.sleep(0.15)  # it doesn't look at every refusal
    writer.append([b"b" * 500])


def test_a_disk_that_takes_half_a_frame_refuses_it_whole(tmp_path):
    """RLIMIT_FSIZE makes the kernel take part of a write, as a full disk does."""
    code = """
import resource, signal, sys
from pathlib import Path
from log.protocols import LogFull
from log.segments import SegmentWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
writer = SegmentWriter(Path(sys.argv[1]), 1 << 20)
writer.append([b"kept"])
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
for _ in range(3):
    try:
        writer.append([b"x" * 2000])
    except LogFull:
        continue
    sys.exit("a write over the limit was taken")
writer.append([b"after"])
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, env={**os.environ, "PYTHONPATH": "."})
    assert records(tmp_path) == [b"kept", b"after"]


def test_a_quiet_segment_is_closed_so_that_it_can_be_deleted(tmp_path, open_writer, monkeypatch):
    monkeypatch.setattr("log.segments.IDLE_SECONDS", 0)
    writer = open_writer()
    writer.append([b"one"])
    writer.tend()
    assert len(segments(tmp_path)) == 1
    writer.tend()
    assert len(segments(tmp_path)) == 2


def test_names_rise_when_the_clock_steps_back(tmp_path, open_writer, monkeypatch):
    writer = open_writer()
    writer.append([b"one"])
    monkeypatch.setattr("time.time_ns", lambda: 5)
    writer.roll()
    writer.append([b"two"])
    assert records(tmp_path) == [b"one", b"two"]


def test_closing_leaves_no_empty_segment(tmp_path):
    SegmentWriter(tmp_path, 1 << 20).close()
    assert segments(tmp_path) == []


def test_it_says_which_share_of_its_quota_it_uses(open_writer):
    writer = open_writer(4 << 20)
    writer.tend()
    assert writer.used == pytest.approx(len(HEADER) / (4 << 20))
    writer.append([b"x" * (1 << 20)])
    assert writer.tend() / (4 << 20) == writer.used > 0.25


def test_where_the_disk_has_less_room_than_the_quota_the_share_is_of_that(open_writer, monkeypatch):
    writer = open_writer(4 << 20)
    writer.append([b"x" * (1 << 20)])
    room = os.statvfs(".")
    free = {"f_bavail": (2 << 20) // room.f_frsize, "f_frsize": room.f_frsize}
    monkeypatch.setattr(os, "statvfs", lambda _: type("Disk", (), free))
    writer.tend()
    assert writer.used == pytest.approx(1 / 3, rel=0.01)
    free["f_bavail"] = 0
    writer.tend()
    assert writer.used == 1


def test_a_writer_goes_on_where_no_file_can_be_opened(tmp_path):
    """As connections bring it about. In a process of its own: it takes every descriptor there is."""
    elsewhere(tend_without_descriptors, tmp_path)
    assert records(tmp_path) == [b"before", b"meanwhile", b"after"]


def tend_without_descriptors(folder: Path) -> None:
    writer = SegmentWriter(folder, 1 << 20)
    writer.append([b"before"])
    writer.roll()
    before = writer.tend()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (50, hard))
    taken = []
    with contextlib.suppress(OSError):
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    time.sleep(0.11)  # it would look again
    writer.look()
    writer.append([b"meanwhile"])
    assert writer.tend() > before > len(HEADER) * 2
    for descriptor in taken:
        os.close(descriptor)
    writer.append([b"after"])
    writer.close()
