"""Questions of the alerts: bounded like those of the console, so that a flood takes no memory from the processor."""

from typing import Any

from clickhouse_connect.driver.client import Client

from schema.alerting import AlertingOf

LIMITS: dict[str, int | str] = {
    "max_execution_time": 30,  # seconds
    "max_memory_usage": 600_000_000,
    "max_bytes_before_external_group_by": 250_000_000,
    "max_bytes_before_external_sort": 250_000_000,
    "max_threads": 2,
}


def ask(client: Client, sql: str, **values: Any) -> list[tuple[Any, ...]]:
    """The server binds the values; `sql` is ours. Raises ClickHouseError."""
    return [tuple(row) for row in client.query(sql, parameters=values).result_rows]


def by_site(alerting: AlertingOf, name: str, column: str = "its_site") -> tuple[str, dict[str, Any]]:
    """An expression of `column` for a number of its site's rules, and the values it binds."""
    sites = ["", *alerting.sites]  # never empty, which ClickHouse takes for an array of nothing
    numbers = [int(getattr(alerting(site), name)) for site in sites]
    sql = f"transform(toString({column}), {{{name}_of:Array(String)}}, {{{name}s:Array(UInt32)}}, {{{name}:UInt32}})"
    return sql, {f"{name}_of": sites, f"{name}s": numbers, name: int(getattr(alerting.default, name))}
