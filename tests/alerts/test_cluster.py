"""Alerts over tables that span shards: the same questions, the same tokens."""

from pathlib import Path

from alerts import routes
from schema.server import CLUSTER_SETTINGS
from tests.schema.test_cluster_answers import Databases, Store, formed_on, on_this_host
from tests.support.million import million
from tests.support.receiver import Receiver
from tests.support.store import elsewhere
from tests.support.watched import Watched


def tell(folder: Path) -> tuple[list[str], list[str]]:
    """Titles of all that is told, and the titles of the messages."""
    routes.TOGETHER_MS = 600_000  # one message, however long the machine takes to find them
    databases = Databases(folder)
    databases.client("default").command("CREATE DATABASE reports")
    client = databases.client("reports", CLUSTER_SETTINGS)
    for statement in formed_on("one", "reports"):
        client.command(on_this_host(statement))
    million(client, "shop", arrived="now64(3, 'UTC') - INTERVAL 9 DAY", many=1)
    with Receiver() as receiver:
        watched = Watched(Store(databases, "reports", CLUSTER_SETTINGS), receiver.url)
        watched.alerts.step()
        for host in ("a.example", "b.example", "h0.example"):
            watched.see(ord(host[0]), blocked_host=host)
        watched.steps(lambda: len(watched.titles()) == 4)
        watched.ahead += routes.TOGETHER_MS
        watched.steps(receiver.taken)
        watched.again().step()
        watched.see(9, blocked_host="c.example")
        watched.steps(lambda: len(watched.titles("new-source")) == 3)
        watched.ahead += routes.TOGETHER_MS
        watched.steps(lambda: len(receiver.taken()) == 2)
        return watched.titles(), [request.json["title"] for request in receiver.taken()]


def test_they_work_over_a_cluster_as_over_one_store(tmp_path):
    events, messages = elsewhere(tell, tmp_path / "cluster")
    kinds = [event.partition(" ")[2] for event in events]
    assert sum("never seen before" in event and "blocked" in event for event in kinds) == 3
    assert sum(event.startswith("script-src-elem blocked h0.example again") for event in kinds) == 1
    assert sum(event.startswith("a policy") for event in kinds) == 1
    assert messages[0].startswith("shop: 4 alerts")
    assert messages[1] == "shop: script-src-elem blocked c.example, never seen before"
