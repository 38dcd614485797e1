"""What the reports of a period are of: each directive and each host with its own violations."""

from dashboards import shares
from dashboards.filters import Filters
from schema.clickhouse import Engine
from tests.support.store import empty, insert, violation


def test_each_of_many_directives_and_hosts_has_its_own_violations(store: Engine):
    """Twenty of each are more pairs of places than a byte has values."""
    client = store.client()
    empty(client)
    insert(client, [
        violation(number, effective_directive=f"directive-{number % 20}", blocked_host=f"{number % 21}.example")
        for number in range(20 * 21)
    ])  # fmt: skip
    found = shares.with_hosts(client, Filters(), 21)
    assert {item["key"]: item["violations"] for item in found.directives} == {f"directive-{n}": 21 for n in range(20)}
    assert {item["key"]: item["violations"] for item in found.hosts} == {f"{n}.example": 20 for n in range(21)}
    assert found.violations == 20 * 21
