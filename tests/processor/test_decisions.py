"""A repeat of a batch is decided as the first try was, whoever repeats it and whatever has changed."""

import asyncio
import json
import random
import uuid
from typing import Any

import msgspec
import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from log.protocols import BATCH_DELIVERIES, DECIDED_BYTES, Batch
from processor.decisions import Decided, Decisions
from schema.delivery import Delivery, Kind
from schema.inserts import InProcess
from schema.noise_files import parsed
from schema.sites import Site, Sites, load_sites

CHROME = b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
START = 1_795_000_200_000


def array(received: int, age: int) -> Delivery:
    """A Reporting API array; with the age grown as the clock, Chromium's retry of the one before."""
    body = json.dumps([{"type": "csp-violation", "age": age, "url": "https://a.example/", "body": {"x": 1}}])
    return Delivery(START + received, "shop", Kind.REPORTS, 1, CHROME, body.encode())


@pytest.fixture
def client(store) -> InProcess:
    return InProcess(store.client())


@pytest.fixture
def sites() -> Sites:
    """A file nobody has had before."""
    return Sites({"shop": Site(hosts=(f"{uuid.uuid4().hex}.example",), sample=0.5), "old": Site(gone=True)})


def decided(client: Any, batch: Batch, sites: Sites) -> Decided:
    """By a processor that has just been started."""
    return asyncio.run(Decisions(client).about(batch, sites))


def repeated(batch: Batch) -> Batch:
    """As the log gives it back."""
    return Batch(batch.id, list(batch.deliveries), batch.decided)


def test_the_sites_file_of_the_first_try_decides_though_it_was_changed(client, sites):
    batch = Batch("id", [])
    assert decided(client, batch, sites).sites.table == sites.table
    for other in (Sites({"shop": Site(sample=0)}), Sites({}), Sites()):
        assert decided(client, repeated(batch), other).sites.table == sites.table


def test_no_signing_key_goes_into_the_store(client, tmp_path):
    key, file = uuid.uuid4().hex + "ABC", tmp_path / "sites.toml"
    file.write_text(f'[sites.shop]\nsigning_keys = ["{key}"]\nrequire_signature = "mark"\n')
    sites = load_sites(file)
    batch = Batch("id", [])
    kept = decided(client, batch, sites)
    stored = asyncio.run(client.query("SELECT groupArray(sites) FROM sites_files")).result_rows[0][0]
    assert any("require_signature" in text for text in stored)
    assert key not in repr(stored) + repr(batch.decided) + repr(vars(kept.sites)) + repr(vars(sites))


def test_the_noise_rules_of_the_first_try_decide_though_they_were_changed(client, sites):
    rule = '[[rule]]\nid = "x"\ncategory = "browser"\nreason = "R."\nhost = "a.example"'
    text = f'version = "{uuid.uuid4().hex[:8]}"\n{rule}'
    rules = parsed(text, "test")
    own = Site(noise=rules.rules, noise_off=("local-document",))
    for first in (Sites(None, rules), Sites(sites.table, rules), Sites({"shop": own}), Sites({"shop": own}, rules)):
        batch = Batch("id", [])
        decided(client, batch, first)
        for other in (Sites(), sites, Sites(None, parsed(text.replace("a.example", "b.example"), "test"))):
            found = decided(client, repeated(batch), other).sites
            assert (found.table, found.rules) == (first.table, first.rules)


@pytest.mark.parametrize("later", [Sites({"shop": Site()}), Sites()])
def test_that_there_was_no_sites_file_is_remembered_too(client, later):
    batch = Batch("id", [])
    decided(client, batch, Sites())
    assert decided(client, repeated(batch), later).sites.table is None


def test_a_file_without_sites_is_not_none(client):
    batch = Batch("id", [])
    decided(client, batch, Sites({}))
    assert decided(client, repeated(batch), Sites()).sites.table == {}


def test_what_was_recognised_as_a_retry_is_one_for_a_processor_that_never_saw_the_first(client):
    decisions = Decisions(client)
    first, second = Batch("1", [array(0, 0)]), Batch("2", [array(60_000, 60_000), array(1, 5_000)])
    assert asyncio.run(decisions.about(first, Sites())).retried == set()
    assert asyncio.run(decisions.about(second, Sites())).retried == {0}
    assert decided(client, repeated(second), Sites()).retried == {0}
    assert decided(client, Batch("2", second.deliveries), Sites()).retried == set()


def test_to_ask_about_a_batch_again_decides_the_same(client, sites):
    """An insert that failed: the batch's own array must not be taken for a retry of itself."""
    decisions, batch = Decisions(client), Batch("1", [array(0, 0), array(60_000, 60_000)])
    for _ in range(3):
        assert asyncio.run(decisions.about(batch, sites)).retried == {1}


@pytest.mark.parametrize("deliveries", [BATCH_DELIVERIES, 8 * DECIDED_BYTES, 50_000])
def test_the_largest_batch_whose_retries_come_at_random_fits_beside_an_offset(client, monkeypatch, deliveries):
    """One of a spool may be larger, and is remembered in a file."""
    among = random.Random(1)
    retried = [index for index in range(deliveries) if among.random() < 0.5]
    monkeypatch.setattr("processor.retries.Retries.find", lambda *_: retried)
    batch = Batch("id", [array(0, 0)] * deliveries)
    decided(client, batch, Sites({"shop": Site()}))
    assert len(batch.decided or b"") <= DECIDED_BYTES or deliveries > BATCH_DELIVERIES
    assert decided(client, repeated(batch), Sites()).retried == set(retried)


def test_a_sites_file_of_any_length_is_remembered(client):
    many = Sites({f"site-{number}": Site(hosts=(f"{uuid.uuid4().hex}.example",) * 5) for number in range(2000)})
    batch = Batch("id", [])
    decided(client, batch, many)
    assert len(batch.decided or b"") < 100
    assert decided(client, repeated(batch), Sites()).sites.table == many.table


def test_a_file_is_stored_once_however_many_batches_it_decides(client, sites):
    decisions = Decisions(client)
    for number in range(3):
        asyncio.run(decisions.about(Batch(str(number), []), sites))
    decided(client, Batch("another's", []), sites)
    query = "SELECT count() FROM sites_files FINAL WHERE sites = {sites:String}"
    text = msgspec.json.encode(sites.table, order="deterministic").decode()
    assert asyncio.run(client.query(query, parameters={"sites": text})).result_rows == [(1,)]


def test_while_the_store_is_away_nothing_is_decided_and_afterwards_it_is_as_if_asked_once(client, sites):
    class Away:
        async def insert(self, *_: Any, **__: Any) -> None:
            raise OperationalError("away")

        query = insert

    decisions, batch = Decisions(Away()), Batch("1", [array(0, 0), array(60_000, 60_000)])
    for _ in range(2):
        with pytest.raises(OperationalError):
            asyncio.run(decisions.about(batch, sites))
        assert batch.decided is None
    decisions._client = client
    assert asyncio.run(decisions.about(batch, sites)).retried == {1}


@pytest.mark.parametrize(
    "text", [None, "{", '{"shop":{"a field of a newer version":1}}'], ids=["gone", "damaged", "newer"]
)
def test_a_file_that_cant_be_had_is_told_and_todays_decides(client, sites, text, caplog):
    digest = uuid.uuid4().hex
    if text is not None:
        columns = {"column_names": ["digest", "sites"], "column_oriented": True}
        asyncio.run(client.insert("sites_files", [[digest], [text]], **columns))
    batch = Batch("id", [])
    decided(client, batch, Sites())
    batch.decided = msgspec.msgpack.encode((msgspec.msgpack.decode(batch.decided)[0], digest))
    assert decided(client, batch, sites).sites is sites
    assert "today's decides" in caplog.text


@pytest.mark.parametrize("before", [b"", b"\xff\xff", b"\x93\x01\x02\x03", msgspec.msgpack.encode((b"no zlib", ""))])
def test_what_another_version_decided_is_told_and_decided_anew(client, sites, before, caplog):
    batch = Batch("id", [array(0, 0), array(60_000, 60_000)], before)
    assert decided(client, batch, sites) == Decided({1}, sites)
    assert decided(client, repeated(batch), Sites()).retried == {1}
    assert "another version" in caplog.text
