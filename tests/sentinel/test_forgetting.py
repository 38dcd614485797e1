"""`csp-sentinel forget` as a person runs it: beside a running program, on a server, and with what is wrong."""

from argparse import Namespace

import pytest

from schema.mutations import Held, statement
from schema.places import ClickHousePlace
from sentinel.explained import CannotStart
from sentinel.forgetting import _wanted, on_errand
from tests.support.program import Program
from tests.support.stages import command
from tests.support.store import contents, insert, violation

PAGE = "https://shop.example/users/jane-roe"


def report(page: str) -> bytes:
    return (
        b'{"csp-report":{"document-uri":"%s","effective-directive":"img-src","original-policy":"img-src a.example"}}'
        % page.encode()
    )


def test_beside_a_running_program_it_asks_and_deletes(tmp_path):
    with Program(tmp_path, "--workers", "1") as program:
        for page in (PAGE, f"{PAGE}?x=1", "https://shop.example/other"):
            assert program.post(report(page)) == 204
        program.settle(3, "stored")
        shown = command("forget", "--url", PAGE, "--dry-run", data_dir=program.data_dir)
        assert shown.returncode == 0, shown.stderr
        assert "violations" in shown.stdout
        unasked = command("forget", "--url", PAGE, data_dir=program.data_dir)
        assert (unasked.returncode, "nothing was deleted" in unasked.stderr) == (1, True)
        assert program.get("/api/totals")["reports"] == 3

        done = command("forget", "--url", PAGE, "--yes", data_dir=program.data_dir)
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


def test_on_a_server(clickhouse):
    assert command("init", store=clickhouse.url).returncode == 0
    with clickhouse.client() as client:
        insert(client, [violation(1, document_url=PAGE, reports=5), violation(2, reports=2)])
        done = command("forget", "--url", PAGE, "--yes", store=clickhouse.url)
        assert done.returncode == 0, done.stderr
        assert "within some 8 minutes" in done.stdout
        for table in ("violations", "weeks", "minutes", "hours", "sources"):
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
