"""`csp-sentinel forget` as a person runs it: beside a running program, on a server, and with what is wrong."""

import os
import pty
import subprocess
from argparse import Namespace
from pathlib import Path

import pytest

from schema.clickhouse import open_chdb
from schema.migrate import migrate
from schema.mutations import Held, statement
from schema.places import ClickHousePlace
from sentinel.explained import CannotStart
from sentinel.forgetting import _wanted, on_errand
from tests.e2e.drill.stages import PROGRAM
from tests.support.program import Program
from tests.support.stages import command
from tests.support.store import contents, elsewhere, insert, violation

PAGE = "https://shop.example/users/jane-roe"


def report(page: str) -> bytes:
    return (
        b'{"csp-report":{"document-uri":"%s","effective-directive":"img-src","original-policy":"img-src a.example"}}'
        % page.encode()
    )


def test_beside_a_running_program_it_deletes(tmp_path):
    with Program(tmp_path, "--workers", "1") as program:
        for page in (PAGE, f"{PAGE}?x=1", "https://shop.example/other"):
            assert program.post(report(page)) == 204
        program.settle(3, "stored")
        shown = command("forget", "--url", PAGE, "--dry-run", data_dir=program.data_dir)
        assert shown.returncode == 0, shown.stderr
        assert "violations" in shown.stdout
        assert program.get("/api/totals")["reports"] == 3

        done = command("forget", "--url", PAGE, data_dir=program.data_dir)
        assert done.returncode == 0, done.stderr
        assert "in no table any more" in done.stdout
        assert program.get("/api/totals")["reports"] == 1
        assert not [path for path, text in contents(program.data_dir / "store") if b"jane-roe" in text]
        assert program.get("/api/ledger")["stored"] == 3
        [item] = program.get("/api/violations")["items"]
        assert command("forget", "--site", "default", "--yes", data_dir=program.data_dir).returncode == 0
        assert program.post(report("https://shop.example/other")) == 204
        program.settle(4, "stored")
        found = program.get(f"/api/violations/{item['fingerprint']}")
        assert found["policies"][0]["original_policy"] == "img-src a.example"  # written again


def test_a_url_of_one_site_stays_another_sites(tmp_path):
    with Program(tmp_path, "--workers", "1") as program:
        for site in ("shop", "blog"):
            assert program.post(report(PAGE), f"/csp/report/{site}") == 204
        program.settle(2, "stored")
        done = command("forget", "--site", "shop", "--url", PAGE, data_dir=program.data_dir)
        assert done.returncode == 0, done.stderr
        assert [program.get(f"/api/totals?site={site}")["reports"] for site in ("shop", "blog")] == [0, 1]


@pytest.mark.parametrize(("typed", "code", "left"), [(b"no\n", 1, 1), (b"yes\n", 0, 0)])
def test_at_a_terminal_it_asks(tmp_path, typed, code, left):
    elsewhere(store_one, tmp_path)
    ours, theirs = pty.openpty()
    try:
        os.write(ours, typed)
        asked = [PROGRAM, "forget", "--url", PAGE, "--data-dir", tmp_path]
        done = subprocess.run(asked, stdin=theirs, capture_output=True, text=True, timeout=120, check=False)
    finally:
        os.close(ours)
        os.close(theirs)
    assert "Type yes" in done.stdout
    assert (done.returncode, elsewhere(count, tmp_path)) == (code, left)


def store_one(data_dir: Path) -> None:
    with open_chdb(data_dir / "store") as engine:
        migrate(engine.client(), 90)
        insert(engine.client(), [violation(1, document_url=PAGE)])


def count(data_dir: Path) -> int:
    with open_chdb(data_dir / "store") as engine:
        return engine.client().query("SELECT count() FROM violations").result_rows[0][0]


def test_on_a_server(clickhouse):
    assert command("init", store=clickhouse.url).returncode == 0
    with clickhouse.client() as client:
        insert(client, [violation(1, document_url=PAGE, reports=5), violation(2, reports=2)])
        done = command("forget", "--url", PAGE, "--yes", store=clickhouse.url)
        assert done.returncode == 0, done.stderr
        assert "within some 8 minutes" in done.stdout
        for table in ("violations", "weeks", "minutes", "hours", "days", "sources"):
            assert client.query(f"SELECT sum(reports) FROM {table}").result_rows == [(2,)], table


def test_on_a_cluster_the_rows_of_every_shard_go():
    place = ClickHousePlace(host="h", database="csp", cluster="c")
    its = Held("weeks", "fingerprint", "site = 'shop'", {}, 2)
    assert statement(its, ["00", "01"], place) == (
        "ALTER TABLE `csp`.weeks_local ON CLUSTER 'c' DELETE"
        " WHERE sipHash128(fingerprint) IN (unhex('00'), unhex('01'))"
    )


@pytest.mark.parametrize("site, urls, says", [
    (None, [], "what is to be forgotten"), ("No Label", [], "--site No Label"), (None, ["/page"], "a whole URL"),
    (None, ["*"], "a whole URL"),
])  # fmt: skip
def test_what_cannot_be_meant_is_one_sentence(site, urls, says):
    with pytest.raises(CannotStart, match=says):
        _wanted(Namespace(site=site, url=urls))


@pytest.mark.parametrize("given, stored", [
    ("https://Shop.Example/Caps/*", "https://shop.example/Caps/"),
    ("https://shop.example:443/p*", "https://shop.example/p"),
    ("https://jane@Shop.Example:8443/a/b*", "https://shop.example:8443/a/b"),
    ("HTTPS://Shop.Exa*", "https://shop.exa"),
    ("https://shop.example/p?id=5*", "https://shop.example/p?id=5"),
])  # fmt: skip
def test_a_beginning_is_looked_for_as_it_is_stored(given, stored):
    assert stored in _wanted(Namespace(site=None, url=[given])).beginnings


def test_a_url_is_looked_for_with_all_that_a_site_may_have_kept_of_its_query():
    assert (
        "https://shop.example/p?id=5&x=1" in _wanted(Namespace(site=None, url=["https://Shop.Example/p?id=5&x=1"])).urls
    )


@pytest.mark.parametrize("ask, times", [("forget", 1), ("look", 0)])
def test_what_was_known_to_be_stored_is_known_no_more_also_when_the_asker_leaves(store, ask, times):
    told = []
    steps = on_errand(store, lambda: told.append(1))({"what": ask, "wanted": ["nobody", [], []]})
    next(steps)
    steps.close()
    assert len(told) == times
