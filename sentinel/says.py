"""What each setting may be, its unit and its meaning, as `settings`, `--help` and the README say it."""

from typing import NamedTuple

from sentinel import places, readers, web_readers
from sentinel.readers import HOST, PATH, PORT, Reader, choice, size, whole


class Says(NamedTuple):
    """How a setting is read, its unit and its meaning."""

    reader: Reader
    unit: str
    meaning: str


SAYS: dict[str, Says] = {
    "log": Says(
        places.LOG,
        "",
        "Where reports wait for the processor: `spool:`, files in the data dir, or `kafka://user:password@host:9092,"
        "host:9092/topic` (`kafkas://`: TLS), with `?partitions=48&replication=3&min_isr=2&retention=24h` for the "
        "topic that `init` makes, and `acks` (`all` or `1`), `security` (`plain`, `scram-sha-256` or `scram-sha-512`), "
        "`ca` (a PEM file) and `group` (of processors).",
    ),
    "store": Says(
        places.STORE,
        "",
        "Where violations are kept: `chdb:`, ClickHouse in this process, under the data dir, or `clickhouse://user:"
        "password@host:8123/database` (`clickhouses://`: TLS, port 8443), with `?cluster=name` and `ca` (a PEM file).",
    ),
    "data_dir": Says(PATH, "", "Folder of the spool and the store; made if it isn't there."),
    "durability": Says(
        choice("memory", "disk", "log"),
        "",
        "What a 204 promises: `disk`: the report survives the process; `memory`: the last moments are lost if the "
        "process is killed; `log`: Kafka has it, so not with the spool.",
    ),
    "sites": Says(PATH, "", "TOML file of the sites that report here; without one every label is a site."),
    "noise": Says(PATH, "", "TOML file of noise rules, instead of those that come with the program."),
    "webhooks": Says(
        readers.WEBHOOKS,
        "",
        "Where alerts go: `https://…` takes them as JSON, `alertmanager://host:9093`, or a URL of apprise's "
        "(`slack://…`, `msteams://…`, `mailto://…`, `pagerduty://…`), with commas between them.",
    ),
    "webhook_secret": Says(web_readers.SECRET, "", "Signs what is sent to `https://…` webhooks."),
    "console_token": Says(
        readers.TOKEN,
        "",
        "Opens the console to an editor. Needed where its host isn't loopback, unless `SENTINEL_OIDC_ISSUER` is set.",
    ),
    "console_viewer_token": Says(readers.TOKEN, "", "Opens the console to a viewer, who can read and change nothing."),
    "console_secret": Says(
        web_readers.SECRET,
        "",
        "Signs sessions; the same for all consoles behind one address. Without it one is kept in the data dir, or "
        "sessions end with the process where the store is a server.",
    ),
    "console_url": Says(
        web_readers.ORIGIN, "", "Public address of the console, for links in alerts and the login's way back."
    ),
    "collector_url": Says(
        web_readers.ORIGIN,
        "",
        "Public address of the collector, as browsers reach it; shown in the header lines to paste.",
    ),
    "oidc_issuer": Says(web_readers.ISSUER, "", "OpenID Connect provider at which people sign in to the console."),
    "oidc_client_id": Says(readers.TOKEN, "", "The console's name at the provider."),
    "oidc_client_secret": Says(readers.TOKEN, "", "The console's secret at the provider."),
    "oidc_editors": Says(
        web_readers.PEOPLE,
        "",
        "Who may read and change: e-mail addresses, `@domain`, or groups as the provider names them.",
    ),
    "oidc_viewers": Says(
        web_readers.PEOPLE, "", "Who may read: the same, or `*`, anybody whom the provider knows; empty: nobody else."
    ),
    "host": Says(HOST, "", "Where the collector listens: browsers elsewhere must reach it."),
    "port": Says(PORT, "", "The collector's port; 0 takes a free one."),
    "console_host": Says(HOST, "", "Where the console and its API listen."),
    "console_port": Says(PORT, "", "The console's port; 0 takes a free one."),
    "ops_host": Says(HOST, "", "Where the metrics are served; never the collector's own port."),
    "ops_port": Says(PORT, "", "The metrics' port; 0 takes a free one."),
    "workers": Says(whole(1, 256), "processes", "Collector processes; by default the usable cores less one, 1 to 8."),
    "server": Says(choice("fast", "granian"), "", "The collector's HTTP server; `granian` adds HTTP/2."),
    "max_body_bytes": Says(size("1KiB", "64MiB"), "bytes", "Largest body taken; a larger one is answered 413."),
    "max_connections": Says(whole(1, 1_000_000), "connections", "Most open connections of a worker."),
    "client_rate": Says(
        whole(0, 1_000_000),
        "requests/s",
        "Most reports' requests taken from one client network (IPv4 /24, IPv6 /48), and at once those of ten seconds; "
        "more are answered 429. 0: no limit. Not behind a proxy: all would come from its address.",
    ),
    "spool_max_bytes": Says(size("4KiB", "1024TiB"), "bytes", "Largest spool of a worker; a full one answers 503."),
    "stop_seconds": Says(
        whole(1, 86_400),
        "seconds",
        "How long a collector that is told to stop goes on shipping its spool to Kafka; what is left then waits on the "
        "disk for the next start.",
    ),
    # Ten years: ClickHouse's DateTime ends in 2106, and a TTL beyond it would delete at once.
    "retention_days": Says(whole(1, 3650), "days", "How long violations are kept."),
    "log_level": Says(choice("debug", "info", "warning", "error"), "", "Least level that is logged."),
    "log_format": Says(choice("auto", "json", "text"), "", "Of the program's log lines; `auto`: text on a terminal."),
}
FILE_MEANING = "The settings file: `.env`-style, or TOML if it ends in .toml. Only in the environment, or --settings."
