"""Tables over shards answer as one store does: real Distributed tables, in chDB."""

import re
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from dashboards.app import build
from dashboards.export import FORMATS
from schema.migrate import migrate
from schema.places import ClickHousePlace
from schema.server import CLUSTER_SETTINGS
from schema.shape import wanted
from tests.support.asgi import Answer, ask
from tests.support.history import LEDGER, history
from tests.support.store import START, account, elsewhere, insert, put

# chDB is one host; a shard of its cluster is this process again.
CONFIG = """
<clickhouse><tcp_port>9000</tcp_port><remote_servers>
<one><shard>{host}</shard></one>
<two><shard>{host}</shard><shard>{host}</shard></two>
</remote_servers></clickhouse>
""".replace("{host}", "<replica><host>127.0.0.1</host><port>9000</port></replica>")


class Databases:
    """A Store a database, in an engine that knows the clusters `one` and `two`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._path, self._config = folder / "chdb", folder / "config.xml"
        self._config.write_text(CONFIG)

    def client(self, database: str, settings: Any = None) -> Client:
        return clickhouse_connect.get_client(
            interface="chdb", path=str(self._path), database=database, settings=dict(settings or {}), tz_mode="aware",
            chdb_options={"config-file": str(self._config)},
        )  # fmt: skip


class Store:
    def __init__(self, databases: Databases, database: str, settings: dict[str, int | str]) -> None:
        self._databases, self._database, self._settings = databases, database, settings
        self.inserting = Lock()
        self.moving = Lock()

    def client(self, settings: Any = None) -> Client:
        return self._databases.client(self._database, dict(settings or {}) | self._settings)


def on_this_host(statement: str) -> str:
    """Without what needs Keeper."""
    alone = re.sub(r"ENGINE = Replicated(\w+)\('[^']*', '[^']*'(?:, )?", r"ENGINE = \1(", statement)
    alone = re.sub(r" ON CLUSTER '\w+'", "", alone)
    return re.sub(r", replicated_\w+_seconds = \d+", "", alone).replace("replicated_dedup", "non_replicated_dedup")


def formed_on(cluster: str, database: str) -> Iterator[str]:
    for migration in wanted(ClickHousePlace(host="", cluster=cluster, database=database), 90):
        yield from migration.statements


COUNTED = ("violations", "violations_local", "minutes", "minutes_local", "days", "days_local", "sources", "ledger")
ROWS = ("policies", "sites_files", "starts", "migrations", "days_since")


def insert_over_a_cluster(folder: Path) -> dict[str, int]:
    """Everything twice; the sums of reports, and the numbers of rows."""
    databases = Databases(folder)
    databases.client("default").command("CREATE DATABASE reports")
    client = databases.client("reports", CLUSTER_SETTINGS)
    for statement in formed_on("one", "reports"):
        client.command(on_this_host(statement))
    for _ in range(2):
        insert(client, history(), token="a")
        put(client, "ledger", ["site", "minute", "outcome", "detail", "reports"],
            [["shop"], [START], ["stored"], [""], [7]], {"insert_deduplication_token": "a-ledger"})  # fmt: skip
    put(client, "sites_files", ["digest", "sites"], [["d"], ["{}"]])
    put(client, "starts", ["version"], [["1"]])
    put(client, "migrations", ["number", "name"], [[1], ["a"]])
    asked = {table: f"SELECT sum(reports) FROM {table}" for table in COUNTED}
    asked |= {table: f"SELECT count() FROM {table}_local" for table in ROWS}
    return {table: client.query(sql).result_rows[0][0] for table, sql in asked.items()}


def test_inserts_through_the_spanning_tables_count_once_in_all_of_them(tmp_path: Path):
    every = sum(row.reports for row in history())
    assert elsewhere(insert_over_a_cluster, tmp_path / "s") == {
        "violations": every, "violations_local": every, "minutes": every, "minutes_local": every, "days": every,
        "days_local": every, "sources": every, "ledger": 7, "policies": 2, "sites_files": 1, "starts": 1,
        "migrations": 1, "days_since": 1,
    }  # fmt: skip


QUESTIONS = [
    "/", f"/violations/{1:032x}", "/api/totals", "/api/totals?q=lib", "/api/violations?limit=100",
    "/api/violations?limit=5", "/api/violations?q=page+7&site=shop", f"/api/violations/{0:032x}",
    "/api/ledger", "/api/ledger?limit=1", "/api/ledger?limit=2&site=blog",
    "/api/rejects", "/api/rejects?limit=1", "/api/rejects?site=shop&reason=not-json",
    "/api/sources", "/api/sources?state=known", "/api/sources?limit=2",
    "/api/top?by=document_url", "/api/top?by=browser&limit=2", "/api/top?by=policy_hash",
    "/api/series?step=600&by=directive", "/api/series?step=60", "/api/series?q=page&step=600",
    *(f"/api/export?format={form}" for form in FORMATS),
]  # fmt: skip


def fill(client: Client) -> None:
    rows = history()
    for start in range(0, len(rows), 60):
        insert(client, rows[start : start + 60])
    account(client, LEDGER)
    put(client, "examples", ["site", "fingerprint", "raw", "seen"], [["shop"], [bytes(16)], ["{}"], [START]])
    put(client, "source_states", ["site", "effective_directive", "blocked", "state", "changed"],
        [["shop"] * 3, ["script-src-elem", "img-src", "img-src"], ["cdn.evil.example", "inline", "inline"],
         ["known", "known", "ignored"], [START * 1000, START * 1000, START * 1000 + 1]])  # fmt: skip
    put(client, "rejects", ["day", "reason", "slot", "site", "received", "user_agent", "raw"],
        [[START // 86400] * 6, ["not-json", "empty"] * 3, [1, 1, 2, 2, 1, 1], ["shop", "blog", "shop"] * 2,
         [START * 1000 + number for number in range(6)], [""] * 6, [str(number) for number in range(6)]])  # fmt: skip


def spread(databases: Databases) -> dict[str, list[tuple]]:
    """Over what `default` holds, as if half of it stood on each of two shards; the rows of each shard, by table."""
    databases.client("default").command("CREATE DATABASE spread")
    client = databases.client("spread")
    shards = {}
    for statement in formed_on("two", "spread"):
        if found := re.search(r"Distributed\('two', 'spread', '(\w+)_local', (.*)\)$", statement):
            table, key = found.groups()
            half = f"SELECT * FROM default.{table} WHERE {key} % 2 = shardNum() - 1"
            client.command(f"CREATE VIEW {table}_local AS {half}")
            client.command(on_this_host(statement))
            shards[table] = client.query(f"SELECT _shard_num, count() FROM {table} GROUP BY 1 ORDER BY 1").result_rows
    return shards


def ask_both(folder: Path) -> tuple[dict[str, list[tuple]], list[str]]:
    """The rows of each shard, and the questions that a cluster answers otherwise than one store."""
    databases = Databases(folder)
    client = databases.client("default")
    migrate(client, 90)
    fill(client)
    shards = spread(databases)
    one = build(Store(databases, "default", {}), lambda: 1.0, token=None)
    two = build(Store(databases, "spread", CLUSTER_SETTINGS), lambda: 1.0, token=None)
    return shards, [question for question in QUESTIONS if not _same(question, ask(one, question), ask(two, question))]


def _same(question: str, one: Answer, two: Answer) -> bool:
    if "/export" not in question:
        return one.status == 200 and (one.status, one.body) == (two.status, two.body)
    if "parquet" in question:  # packs the same rows in another order
        return one.status == two.status == 200 and abs(len(one.body) - len(two.body)) < 100
    return one.status == two.status == 200 and sorted(one.body.splitlines()) == sorted(two.body.splitlines())


def test_every_question_is_answered_by_two_shards_as_by_one_store(tmp_path: Path):
    shards, different = elsewhere(ask_both, tmp_path / "s")
    for table in ("violations", "minutes", "ledger", "rejects", "source_states"):
        assert [shard for shard, _ in shards[table]] == [1, 2], f"{table} is not spread"
    assert different == []
