"""`run` on a data dir in which a disk went bad: it says what is damaged, puts it aside, and serves all the rest."""

import json
import time
import urllib.request
from pathlib import Path

import pytest

from log import position
from log.frame import HEADER
from log.segments import SegmentWriter
from schema.clickhouse import open_chdb
from schema.delivery import Delivery, Kind, encode
from schema.engine import definitions
from schema.migrate import migrate
from tests.support.program import Program
from tests.support.stages import command
from tests.support.store import elsewhere, insert, violation
from tests.support.waiting import wait_for

REPORTS = 9


def filled(folder: Path) -> str:
    """Two parts of violations, of 10 and 7 reports; the folder of the first."""
    with open_chdb(folder) as engine:
        client = engine.client()
        migrate(client, 90)
        client.command("SYSTEM STOP MERGES violations")
        insert(client, [violation(1, reports=10)])
        insert(client, [violation(2, reports=7)])
        definitions.keep(engine.path, folder / "definitions")
        query = "SELECT path FROM system.parts WHERE table = 'violations' AND active ORDER BY name LIMIT 1"
        return client.query(query).result_rows[0][0]


def flip(file: Path, at: int) -> None:
    text = bytearray(file.read_bytes())
    text[at] ^= 0xFF
    file.write_bytes(text)


def spool_of_nine(data_dir: Path) -> None:
    """The first report is stored already, the fifth is damaged, and so is the file that says the former."""
    writer, ends = SegmentWriter(data_dir / "spool" / "0", 1 << 30), [len(HEADER)]
    for number in range(REPORTS):
        body = b'{"csp-report":{"document-uri":"https://shop.example/%d","effective-directive":"img-src"}}' % number
        writer.append([encode(Delivery(time.time_ns() // 1_000_000, "shop", Kind.REPORTS, 1, b"", body))])
        ends.append(writer.written[1])
    segment = writer.written[0]
    writer.close()
    flip(data_dir / "spool" / "0" / segment, ends[4] + 30)
    file = data_dir / "processor" / "position.json"
    file.parent.mkdir()
    position.save(file, position.Position({f"0/{segment}": ends[1]}))
    file.write_bytes(b"")


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged")
    data_dir = folder / "data"
    part = Path(elsewhere(filled, data_dir / "store"))
    flip(part / "data.packed", (part / "data.packed").stat().st_size * 9 // 10)  # columns: behind what describes them
    [definition] = (data_dir / "store" / "chdb").glob("store/*/*/hours.sql")
    definition.write_bytes(b"\0" * 100)
    spool_of_nine(data_dir)
    with Program(folder, "--workers", "1") as started:
        started.settle(REPORTS - 2, "stored")
        yield started


def test_what_is_not_damaged_is_stored_once_and_served(program):
    assert (
        program.post(b'{"csp-report":{"document-uri":"https://shop.example/9","effective-directive":"img-src"}}') == 204
    )
    program.settle(REPORTS - 1, "stored")
    wait_for("it tells the damage", lambda: "damaged parts" in program.log())
    rows = [json.loads(line) for line in program.read("/api/export?format=ndjson").splitlines()]
    assert {row["document_url"]: row["reports"] for row in rows} == {
        "https://www.shop.example/page/2": 7,
        **{f"https://shop.example/{number}": 1 for number in (1, 2, 3, 5, 6, 7, 8, 9)},
    }
    assert program.get("/api/series?by=noise&step=3600")["items"]  # of the table whose definition was damaged


def test_each_damage_is_in_the_log_on_the_system_page_and_in_a_metric(program):
    wait_for("it tells the damage", lambda: "damaged parts" in program.log())
    page = program.read("/system").decode()
    figures = urllib.request.urlopen(program.where["metrics"], timeout=30).read().decode()
    for kind, says in {
        "segment": "is damaged in 1 places",
        "position": "its copy is right, and nothing is lost or counted twice",
        "table": "hours.sql was damaged",
        "part": "1 damaged parts of the store are put aside: violations",
    }.items():
        assert says in program.log(), kind
        assert says.partition(":")[0] in page, kind
        assert f'sentinel_damaged_total{{kind="{kind}"}} 1.0' in figures, kind
    assert {path.name.partition(".")[0] for path in (program.data_dir / "broken").iterdir()} >= {"position"}


def test_a_store_that_cannot_be_opened_is_one_sentence_that_says_what_to_do(tmp_path):
    """ClickHouse itself says above which file it is."""
    assert command("init", data_dir=tmp_path).returncode == 0
    [definition] = (tmp_path / "store" / "chdb").glob("store/*/*/violations.sql")
    definition.write_text(definition.read_text().replace("ENGINE", "ENGNE"))
    done = command("run", data_dir=tmp_path, port=0, console_port=0, ops_port=0)
    assert done.returncode == 1
    assert "csp-sentinel restore" in done.stderr.splitlines()[-1]
    assert str(definition) in done.stderr
