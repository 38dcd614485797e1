import asyncio
from pathlib import Path

import pytest

from log import spool
from log.broken import Broken
from log.frame import frame
from log.protocols import USUAL_ROOM, Batch, Room
from log.reading import OtherVersion
from log.segments import SegmentWriter, segments
from log.spool import SpoolConsumer, unread_bytes
from schema.delivery import Delivery, Kind, encode
from schema.reasons import Reason

_writers: list[SegmentWriter] = []


@pytest.fixture(autouse=True)
def _no_linger(monkeypatch):
    monkeypatch.setattr(spool, "LINGER_SECONDS", 0)
    yield
    while _writers:
        _writers.pop().close()


def record(number: int) -> bytes:
    return encode(Delivery(1_700_000_000_000 + number, "shop", Kind.REPORTS, 1, b"", b'{"n":%d}' % number))


def reader(folder: Path, broken: Broken | None = None) -> SpoolConsumer:
    return SpoolConsumer(folder / "spool", folder / "processor" / "position.json", broken)


def writer(folder: Path, name: str = "0") -> SegmentWriter:
    _writers.append(SegmentWriter(folder / "spool" / name, 1 << 30))
    return _writers[-1]


def die_writing(folder: Path) -> None:
    """A writer that leaves one record whole and one torn."""
    end = writer(folder)
    end.append([record(1)])
    end.close()
    with segments(folder / "spool" / "0")[0].open("ab") as file:
        file.write(frame(record(2))[:-3])


def take(consumer: SpoolConsumer, room: Room = USUAL_ROOM) -> Batch | None:
    return asyncio.run(consumer.next(room))


def bodies(batch: Batch | None) -> list[bytes]:
    assert batch is not None
    return [delivery.body for delivery in batch.deliveries]


def store(consumer: SpoolConsumer, batch: Batch) -> None:
    batch.decided = b""
    asyncio.run(consumer.intend(batch))
    asyncio.run(consumer.commit(batch))


def test_a_batch_holds_no_more_reports_than_memory_has_room_for_however_short_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "_CHUNK_BYTES", 100)
    end = writer(tmp_path)
    for entries in (4, 4, 4, 100, 4):
        end.append([encode(Delivery(1_700_000_000_000, "shop", Kind.REPORTS, entries, b"", b"x" * 50))])
    end.append([encode(Delivery(1_700_000_000_000, "shop", Kind.VIOLATION, 2**40, b"", b"x" * 50))] * 3)
    consumer, found = reader(tmp_path), []
    while (batch := take(consumer, room=Room(reports=10))) is not None:
        store(consumer, batch)
        found.append([delivery.count for delivery in batch.deliveries])
    assert found == [[4, 4, 4], [100], [4, 2**40, 2**40, 2**40]]  # an exported row is one, whatever it counts


def test_all_writers_are_read_each_in_its_order(tmp_path):
    for name in ("0", "1"):
        end = writer(tmp_path, name)
        end.append([record(int(name) * 10)])
        end.append([record(int(name) * 10 + 1)])
    assert bodies(take(reader(tmp_path))) == [b'{"n":0}', b'{"n":1}', b'{"n":10}', b'{"n":11}']


def test_an_empty_log_gives_no_batch_and_no_lag(tmp_path):
    consumer = reader(tmp_path)
    assert take(consumer) is None
    assert consumer.lag() == 0


def test_what_is_committed_is_not_read_again_by_the_next_process(tmp_path):
    end = writer(tmp_path)
    end.append([record(1)])
    first = reader(tmp_path)
    store(first, take(first))
    end.append([record(2)])
    assert bodies(take(reader(tmp_path))) == [b'{"n":2}']


def test_what_was_read_but_not_committed_is_read_again(tmp_path):
    writer(tmp_path).append([record(1)])
    assert bodies(take(reader(tmp_path))) == bodies(take(reader(tmp_path)))


def test_an_intended_batch_comes_back_the_same_though_more_has_arrived(tmp_path):
    end = writer(tmp_path)
    end.append([record(1)])
    first = reader(tmp_path)
    batch = take(first)
    batch.decided = b"so"
    asyncio.run(first.intend(batch))
    end.append([record(2)])

    second = reader(tmp_path)
    again = take(second)
    assert (again.id, again.decided, bodies(again)) == (batch.id, b"so", [b'{"n":1}'])
    asyncio.run(second.commit(again))
    assert bodies(take(second)) == [b'{"n":2}']


def test_stored_segments_are_deleted_but_not_the_one_being_written(tmp_path):
    end = writer(tmp_path)
    end.append([record(1)])
    end.roll()
    end.append([record(2)])
    consumer = reader(tmp_path)
    store(consumer, take(consumer))
    assert len(segments(tmp_path / "spool" / "0")) == 1


def test_the_last_segment_goes_too_when_its_writer_is_gone(tmp_path):
    end = writer(tmp_path)
    end.append([record(1)])
    end.close()
    consumer = reader(tmp_path)
    store(consumer, take(consumer))
    assert segments(tmp_path / "spool" / "0") == []


def test_a_torn_last_frame_of_a_dead_writer_is_skipped(tmp_path):
    die_writing(tmp_path)
    consumer = reader(tmp_path)
    store(consumer, take(consumer))
    writer(tmp_path).append([record(3)])
    assert bodies(take(consumer)) == [b'{"n":3}']


def test_a_frame_half_written_now_is_read_when_it_is_whole(tmp_path):
    end = writer(tmp_path)
    path = segments(tmp_path / "spool" / "0")[0]
    consumer = reader(tmp_path)
    whole = frame(record(1))
    with path.open("ab", buffering=0) as file:
        file.write(whole[:20])
        assert take(consumer) is None
        file.write(whole[20:])
    assert bodies(take(consumer)) == [b'{"n":1}']
    end.close()


def test_a_batch_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "_CHUNK_BYTES", 500)
    end = writer(tmp_path)
    for number in range(100):
        end.append([record(number)])
    consumer = reader(tmp_path)
    seen = []
    while (batch := take(consumer, room=Room(1000))) is not None:
        assert len(batch.deliveries) < 40
        seen += bodies(batch)
        store(consumer, batch)
    assert seen == [b'{"n":%d}' % number for number in range(100)]


def test_a_record_longer_than_a_chunk_is_read_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "_CHUNK_BYTES", 100)
    long = encode(Delivery(1, "shop", Kind.REPORTS, 1, b"", b"x" * 5000))
    end = writer(tmp_path)
    end.append([record(1), long, record(2)])
    consumer, seen = reader(tmp_path), []
    while (batch := take(consumer)) is not None:
        seen += bodies(batch)
        store(consumer, batch)
    assert seen == [b'{"n":1}', b"x" * 5000, b'{"n":2}']


def test_a_record_that_is_no_delivery_is_kept_for_inspection(tmp_path):
    writer(tmp_path).append([b"\xc1 what is this"])
    found = take(reader(tmp_path)).deliveries[0]
    assert (found.kind, found.detail, found.count) == (Kind.REFUSAL, Reason.UNREADABLE, 1)
    assert found.body == b"\xc1 what is this"


def test_unread_bytes_fall_to_nothing(tmp_path):
    writer(tmp_path).append([record(1)])
    places = (tmp_path / "spool", tmp_path / "processor" / "position.json")
    assert sum(unread_bytes(*places)) > 0
    consumer = reader(tmp_path)
    store(consumer, take(consumer))
    assert sum(unread_bytes(*places)) == 0


def test_lag_is_the_age_of_the_oldest_report_not_stored(tmp_path):
    writer(tmp_path).append([record(1)])
    consumer = reader(tmp_path)
    batch = take(consumer)
    assert consumer.lag() > 1000
    store(consumer, batch)
    assert take(consumer) is None
    assert consumer.lag() == 0


def test_before_the_first_look_the_lag_is_not_known(tmp_path):
    writer(tmp_path).append([record(1)])
    assert reader(tmp_path).lag() is None


def test_between_two_batches_of_a_backlog_the_lag_is_not_none(tmp_path):
    end = writer(tmp_path)
    end.append([record(1)])
    end.append([record(2)])
    consumer = reader(tmp_path)
    store(consumer, take(consumer, room=Room(reports=1)))
    assert consumer.lag() > 1000


def test_company_is_not_waited_for_where_nobody_writes_any_more(tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "LINGER_SECONDS", 600)
    end = writer(tmp_path)
    end.append([record(1)])
    end.close()
    assert bodies(asyncio.run(asyncio.wait_for(reader(tmp_path).next(), 30))) == [b'{"n":1}']


def test_a_batch_gathered_in_several_passes_comes_back_in_the_same_order(tmp_path, monkeypatch):
    """What was decided about a batch names its deliveries by their place."""
    monkeypatch.setattr(spool, "LINGER_SECONDS", 0.3)
    ends = [writer(tmp_path, "0"), writer(tmp_path, "1")]
    first = reader(tmp_path)

    async def gather() -> Batch | None:
        taking = asyncio.create_task(first.next())
        for number in range(6):
            ends[number % 2].append([record(number)])
            await asyncio.sleep(0.07)
        return await taking

    batch = asyncio.run(gather())
    assert len(bodies(batch)) >= 4
    asyncio.run(first.intend(batch))
    assert bodies(take(reader(tmp_path))) == bodies(batch)


def test_a_busy_writer_does_not_keep_the_others_waiting(tmp_path):
    busy, quiet = writer(tmp_path, "0"), writer(tmp_path, "1")
    quiet.append([record(999)])
    busy.append([record(number) for number in range(100)])
    consumer = reader(tmp_path)
    seen = []
    for _ in range(2):
        batch = take(consumer, room=Room(200))
        seen += bodies(batch)
        store(consumer, batch)
    assert b'{"n":999}' in seen


def test_the_torn_tail_of_a_writer_that_is_gone_is_skipped_and_its_segment_deleted(tmp_path):
    die_writing(tmp_path)
    consumer = reader(tmp_path)
    while (batch := take(consumer)) is not None:
        store(consumer, batch)
    assert segments(tmp_path / "spool" / "0") == []


def test_the_segment_of_a_writer_that_just_started_is_never_deleted(tmp_path):
    end = writer(tmp_path)
    consumer = reader(tmp_path)
    for _ in range(3):
        assert take(consumer) is None
        assert len(segments(tmp_path / "spool" / "0")) == 1
    end.append([record(1)])
    assert bodies(take(consumer)) == [b'{"n":1}']


def test_an_empty_segment_of_a_killed_writer_is_deleted(tmp_path):
    writer(tmp_path)
    path = segments(tmp_path / "spool" / "0")[0]
    empty = path.read_bytes()
    _writers.pop().close()
    path.write_bytes(empty)
    assert take(reader(tmp_path)) is None
    assert segments(tmp_path / "spool" / "0") == []


def test_a_segment_of_another_version_is_left_alone_and_told(tmp_path):
    end = writer(tmp_path)
    end.append([record(1)])
    end.close()
    path = segments(tmp_path / "spool" / "0")[0]
    path.write_bytes(b"CSPSPL\x00\x02" + path.read_bytes()[8:])
    with pytest.raises(OtherVersion, match="not written by this version"):
        take(reader(tmp_path))
    assert path.exists()
