"""`init` on a ClickHouse server makes what is missing, alters nothing, and what is otherwise is told."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from clickhouse_connect.driver.client import Client

from schema.clickhouse import Engine
from schema.migrate import NewerStore, apply
from schema.migration_files import formed, migrations
from schema.places import ClickHousePlace
from schema.server import Server
from schema.shape import Table, _changes, _misfit, expected, misfits, tables_there, wanted
from schema.store import TablesMissing
from schema.tables import check, contradictions, init
from tests.support.clickhouse_http import ClickHouseServer
from tests.support.places import clickhouse as place_of
from tests.support.store import insert, violation

FILES = [name for _, name, _ in migrations()]
STATE = """
SELECT name, uuid, engine, create_table_query, metadata_modification_time
FROM system.tables WHERE database = currentDatabase() ORDER BY name
"""


@pytest.fixture
def server(clickhouse: ClickHouseServer):
    made = Server(place_of(clickhouse.url))
    yield made
    made.close()


@pytest.fixture
def client(server: Server):
    with server.client() as made:
        yield made


def state(client: Client) -> list[tuple]:
    return client.query(STATE).result_rows


def test_the_tables_are_made_and_a_second_time_changes_nothing(server: Server, client: Client):
    assert init(server, 90) == FILES
    insert(client, [violation(1, reports=7)])
    before = state(client)
    assert init(server, 90) == []
    assert state(client) == before
    assert client.query("SELECT sum(reports) FROM minutes").result_rows == [(7,)]
    assert contradictions(server, 90) == []
    check(server)


PER_ROLLUP = ("violations", "minutes", "hours", "days", "weeks", "sources", "site_policies")


@pytest.mark.parametrize("since", [0, 9], ids=["fresh", "upgraded"])
def test_a_batch_repeated_after_the_servers_restart_counts_once_in_every_roll_up(
    clickhouse: ClickHouseServer, server: Server, client: Client, since: int
):
    """A view whose query was modified is another one to the memory of inserts, until the server loads it anew."""
    if since:
        apply(client, [its for its in formed(90) if its.number <= since])
    init(server, 90)
    insert(client, [violation(1, reports=7)], token="a")
    clickhouse.kill()
    clickhouse.start()
    insert(client, [violation(1, reports=7)], token="a")
    counted = {table: client.query(f"SELECT count() FROM {table}").result_rows[0][0] for table in PER_ROLLUP}
    assert counted == dict.fromkeys(PER_ROLLUP, 1)


def test_the_database_is_made_too(clickhouse: ClickHouseServer):
    server = Server(place_of(clickhouse.url_of(f"{clickhouse.database}_more")))
    assert init(server, 90) == FILES
    check(server)
    assert init(server, 90) == []


def test_two_may_do_it_at_once(clickhouse: ClickHouseServer, client: Client):
    with ThreadPoolExecutor(2) as both:
        applied = list(both.map(lambda _: init(Server(place_of(clickhouse.url)), 90), range(2)))
    assert any(applied)
    assert contradictions(Server(place_of(clickhouse.url)), 90) == []
    insert(client, [violation(1, reports=7)], token="a")
    insert(client, [violation(1, reports=7)], token="a")
    assert client.query("SELECT sum(reports) FROM minutes").result_rows == [(7,)]


def test_another_retention_is_told_with_what_would_change_it_and_not_followed(server: Server, client: Client):
    init(server, 90)
    before = state(client)
    assert init(server, 30) == []
    assert state(client) == before
    told = contradictions(server, 30)
    assert "violations keeps 90 days, SENTINEL_RETENTION_DAYS=30 makes it 30" in "\n".join(told)
    kept = {
        "violations", "minutes", "sources", "policies", "site_policies", "examples", "ledger", "weeks", "hours",
        "days", "days_since", "ledger_hours", "alert_events", "alert_messages", "silent_sources",
    }  # fmt: skip
    assert len(told) == len(kept)
    for sentence in told:
        client.command(sentence.partition(": ")[2])
    assert contradictions(server, 30) == []


def test_a_table_that_forgets_its_inserts_too_soon_is_told(server: Server, client: Client):
    init(server, 90)
    client.command("ALTER TABLE ledger MODIFY SETTING non_replicated_deduplication_window = 100")
    client.command("ALTER TABLE minutes MODIFY SETTING non_replicated_deduplication_window = 100000")
    [told] = contradictions(server, 90)
    assert told.startswith("ledger remembers 100 inserts")
    assert init(server, 90) == []
    client.command(told.partition(": ")[2])
    assert contradictions(server, 90) == []


def test_a_table_that_remembers_no_inserts_at_all_is_told(server: Server, client: Client):
    """ClickHouse's own default, which no statement says."""
    init(server, 90)
    client.command("ALTER TABLE ledger RESET SETTING non_replicated_deduplication_window")
    [told] = contradictions(server, 90)
    assert told.startswith("ledger remembers 0 inserts")


def test_a_table_that_was_dropped_is_made_again_as_it_is_by_now(server: Server, client: Client):
    """Not as the first file made it: later files have changed it since."""
    made = "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase() ORDER BY name"
    init(server, 90)
    before = client.query(made).result_rows
    client.command("DROP TABLE rejects")
    client.command("DROP TABLE minutes")
    assert init(server, 90) == []
    assert client.query(made).result_rows == before
    assert contradictions(server, 90) == []


FOREIGN = {
    "ENGINE = Log": "violations is made as Log, not as AggregatingMergeTree",
    "ENGINE = MergeTree ORDER BY site": "violations is made as MergeTree, not as AggregatingMergeTree",
    "ENGINE = AggregatingMergeTree ORDER BY site": "violations.window is missing, not DateTime('UTC')",
}


@pytest.mark.parametrize("engine", FOREIGN)
def test_a_table_of_somebody_elses_is_left_alone_and_told(server: Server, client: Client, engine: str):
    client.command(f"CREATE TABLE violations (site LowCardinality(String)) {engine}")
    before = state(client)
    assert init(server, 90) == []
    assert state(client) == before
    assert contradictions(server, 90) == [FOREIGN[engine]]
    with pytest.raises(TablesMissing, match="no tables of ours"):
        check(server)


def test_a_table_named_as_our_own_record_is_somebody_elses_too(server: Server, client: Client):
    client.command("CREATE TABLE migrations (id UInt64) ENGINE = MergeTree ORDER BY id")
    assert init(server, 90) == []
    assert contradictions(server, 90) == ["migrations.number is missing, not UInt32"]
    with pytest.raises(TablesMissing, match="no tables of ours"):
        check(server)


def test_a_changed_table_is_told_column_by_column(server: Server, client: Client):
    init(server, 90)
    client.command("ALTER TABLE examples MODIFY COLUMN raw LowCardinality(String)")
    client.command("ALTER TABLE policies ADD COLUMN note String")
    client.command(
        "ALTER TABLE source_states ADD COLUMN day UInt8, MODIFY ORDER BY (site, effective_directive, blocked, day)"
    )
    client.command("ALTER TABLE source_states DROP COLUMN IF EXISTS nothing")
    assert contradictions(server, 90) == [
        "examples.raw is LowCardinality(String), not String",
        "policies has columns this version does not know: note",
        "source_states has columns this version does not know: day",
    ]


def test_tables_of_one_server_are_none_of_a_cluster(server: Server, client: Client):
    init(server, 90)
    told = misfits(client, wanted(ClickHousePlace(host="", database="d", cluster="main"), 90))
    assert "ledger is made as AggregatingMergeTree, not as Distributed: it was made without ?cluster=" in "".join(told)


def test_tables_of_a_cluster_are_none_of_one_server():
    ours, theirs = Table("MergeTree", {}, "number"), Table("Distributed", {}, "")
    assert _misfit("migrations", ours, theirs).endswith("it was made with ?cluster= in SENTINEL_STORE")
    assert _misfit("migrations", ours, Table("ReplicatedMergeTree", {}, "number"))


def test_what_is_told_of_a_clusters_table_changes_it_on_all_hosts():
    now = expected(wanted(ClickHousePlace(host="", database="d", cluster="main"), 30))["ledger_local"]
    altered = "ALTER TABLE `d`.ledger_local ON CLUSTER 'main' MODIFY"
    assert _changes("ledger_local", now, now._replace(days=None, inserts=1000), 30) == [
        "ledger_local keeps everything, SENTINEL_RETENTION_DAYS=30 makes it 30:"
        f" {altered} TTL minute + INTERVAL 30 DAY",
        "ledger_local remembers 1000 inserts, so that a late repeat could count twice:"
        f" {altered} SETTING replicated_deduplication_window = 10000",
    ]


def test_clickhouse_clouds_tables_are_ours():
    assert _misfit("migrations", Table("MergeTree", {}, "number"), Table("SharedMergeTree", {}, "number")) == ""


def test_what_is_missing_is_made_again_and_until_then_told(server: Server, client: Client):
    init(server, 90)
    client.command("DROP VIEW minutes_of_violations")
    client.command("DROP TABLE policies")
    assert contradictions(server, 90) == ["minutes_of_violations is missing", "policies is missing"]
    with pytest.raises(TablesMissing, match=r"no table policies: run `csp-sentinel init`"):
        check(server)
    assert init(server, 90) == []
    check(server)
    insert(client, [violation(1, reports=7)])
    assert client.query("SELECT sum(reports) FROM minutes").result_rows == [(7,)]


def test_without_tables_older_or_newer_ones_nobody_goes_on(server: Server, client: Client):
    with pytest.raises(TablesMissing, match="no tables of ours yet: run `csp-sentinel init`"):
        check(server)
    init(server, 90)
    client.command(f"ALTER TABLE migrations DELETE WHERE number = {len(FILES)} SETTINGS mutations_sync = 1")
    with pytest.raises(TablesMissing, match=rf"migration {len(FILES) - 1}, this version needs {len(FILES)}: run"):
        check(server)
    assert init(server, 90) == FILES[-1:]
    check(server)
    client.insert("migrations", [[9999, "9999_later.sql"]], column_names=["number", "name"])
    with pytest.raises(NewerStore, match="9999"):
        check(server)
    with pytest.raises(NewerStore, match="9999"):
        init(server, 90)


def test_what_is_expected_is_read_off_the_statements_as_clickhouse_reads_them(store: Engine):
    """Whoever writes a migration of a kind that `expected` can't read is told here."""
    made = {name: table._replace(ttl="", called="") for name, table in expected(formed(90)).items()}
    assert made == tables_there(store.client())
