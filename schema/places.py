"""Where a ClickHouse server is: read by the settings, used by processor, console and init."""

from dataclasses import dataclass, field

from schema.cluster import LOCAL


@dataclass(frozen=True, kw_only=True)
class ClickHousePlace:
    """`cluster`: "" is one server. `ca`: path of a PEM file; "" trusts what the system trusts."""

    host: str
    port: int = 8123  # over TLS 8443
    tls: bool = False
    user: str = "default"
    password: str = field(default="", repr=False)
    database: str = "default"
    cluster: str = ""
    ca: str = ""
    url: str = field(default="", compare=False)  # as it was written, without its secrets


def on_each_host(table: str, place: ClickHousePlace | None) -> str:
    """`table` as a statement names it that changes its parts; None is the store in this process."""
    if place is None or not place.cluster:
        return table
    return f"`{place.database}`.{table}{LOCAL} ON CLUSTER '{place.cluster}'"
