"""A data dir's spool is for a processor on the same machine, or for Kafka: what keeps it from changing."""

import json
from pathlib import Path

import pytest

from log.outbox import Outbox
from log.packing import ENVELOPE_BYTES
from log.segments import SegmentWriter
from schema.delivery import Delivery, Kind, encode
from sentinel.explained import CannotStart
from sentinel.settings import Settings, read
from sentinel.spools import check_spool, held, left_behind

RECORD = encode(Delivery(1_793_577_600_000, "shop", Kind.REPORTS, 1, b"", b"{}"))


@pytest.fixture
def spool(tmp_path: Path) -> Settings:
    return read({"SENTINEL_DATA_DIR": str(tmp_path), "SENTINEL_WORKERS": "1"}, None, {}).settings


@pytest.fixture
def kafka(tmp_path: Path) -> Settings:
    return read(
        {"SENTINEL_DATA_DIR": str(tmp_path), "SENTINEL_WORKERS": "1", "SENTINEL_LOG": "kafka://k/t"}, None, {}
    ).settings


def write(folder: Path) -> None:
    """A worker that took a report, and ended."""
    writer = SegmentWriter(folder, 1 << 20)
    writer.append([RECORD])
    writer.close()


def take_off(folder: Path, *, land: bool) -> None:
    """A shipper that sent what there is, and heard that Kafka has it, or did not."""
    outbox = Outbox(folder)
    cut = outbox.cut(ENVELOPE_BYTES)
    assert cut is not None
    flight = outbox.take_off(cut, 0, 1)
    if land:
        outbox.land(flight)
        outbox.save()
    outbox.close()


def segments(settings: Settings) -> list[str]:
    return [path.parent.name for path in (settings.data_dir / "spool").glob("*/*.seg")]


def position(settings: Settings, *, stored: bool) -> Path:
    """Of a processor that has stored the whole spool, or nothing of it."""
    path = settings.data_dir / "processor" / "position.json"
    path.parent.mkdir()
    its = (settings.data_dir / "spool").glob("*/*.seg")
    path.write_text(
        json.dumps({"stored": {f"{seg.parent.name}/{seg.name}": seg.stat().st_size * stored for seg in its}})
    )
    return path


def refused(settings: Settings, command: str = "ingest") -> str:
    with pytest.raises(CannotStart) as raised:
        check_spool(settings, command)
    return str(raised.value)


def test_an_empty_data_dir_is_for_either(spool, kafka):
    for settings in (spool, kafka):
        check_spool(settings, "ingest")


def test_what_no_processor_has_begun_with_may_go_to_kafka(kafka):
    write(kafka.data_dir / "spool" / "0")
    check_spool(kafka, "ingest")
    assert segments(kafka) == ["0"]


def test_what_a_processor_has_begun_with_has_to_be_stored_first(kafka):
    write(kafka.data_dir / "spool" / "0")
    position(kafka, stored=False)
    assert "store them with `SENTINEL_LOG=spool: csp-sentinel process --drain`" in refused(kafka)
    assert segments(kafka) == ["0"]


def test_what_is_stored_does_not_go_to_kafka_too(kafka):
    write(kafka.data_dir / "spool" / "0")
    path = position(kafka, stored=True)
    check_spool(kafka, "ingest")
    assert segments(kafka) == []
    assert not path.exists()


def test_what_may_be_in_kafka_is_not_stored_from_the_spool(spool):
    folder = spool.data_dir / "spool" / "0"
    write(folder)
    take_off(folder, land=False)
    assert f"{folder} holds reports on their way to Kafka" in refused(spool)
    assert segments(spool) == ["0"]


def test_what_kafka_has_taken_keeps_nobody_from_the_spool(spool):
    folder = spool.data_dir / "spool" / "0"
    write(folder)
    take_off(folder, land=True)
    check_spool(spool, "ingest")
    assert segments(spool) == []
    assert not (folder / "shipping").exists()


@pytest.mark.parametrize("other", ["run", "ingest", "process"])
def test_commands_on_one_data_dir_have_the_same_kind_of_log(spool, kafka, other):
    command = "import"
    for mine, theirs, name in ((spool, kafka, "kafka:"), (kafka, spool, "spool:")):
        with held(theirs, other):
            check_spool(theirs, command)
            assert f"`csp-sentinel {other}` that runs on" in (said := refused(mine, command))
            assert f"has another SENTINEL_LOG ({name})" in said
        check_spool(mine, command)


def test_a_second_of_the_same_command_is_kept_out(spool):
    with held(spool, "ingest"), pytest.raises(CannotStart, match="another `csp-sentinel ingest` uses the data dir"):
        held(spool, "ingest").__enter__()


def test_spools_without_a_worker_and_stopped_imports_are_left_behind(kafka):
    for folder in ("spool/0", "spool/1", "spool/import-1", "import/import-2"):
        write(kafka.data_dir / folder)
    assert [folder.name for folder in left_behind(kafka)] == ["1", "import-1", "import-2"]
