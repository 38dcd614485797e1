"""What `--help` says of each command: in a line, in full, an example; and the settings it takes as flags."""

from loadtest.capacity import arguments as plan_arguments
from sentinel import sign_arguments

# Settings that a command takes as flags; all others come from the environment or the settings file.
_COMMON = ("data_dir", "log_level")
_COLLECTOR = ("host", "port", "workers", "server", "durability", "sites", "ops_host", "ops_port")
_CONSOLE = ("console_host", "console_port")

COMMANDS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "run": (
        "everything on this machine: collector, processor, console",
        "Starts collector workers, the processor and the console, and keeps them running.\n"
        "Ctrl-C stops in order and stores what is left; a second Ctrl-C stops at once.",
        "csp-sentinel run --port 8080 --data-dir ./data",
        (*_COMMON, *_COLLECTOR, "noise", *_CONSOLE),
    ),
    "ingest": (
        "the collector only",
        "Takes reports over HTTP into the spool under the data dir, where `process` finds them;\n"
        "with SENTINEL_LOG=kafka://… it ships the spool to Kafka.",
        "SENTINEL_LOG=kafka://broker:9092/csp-violations csp-sentinel ingest --workers 2",
        (*_COMMON, *_COLLECTOR),
    ),
    "process": (
        "the processor only",
        "Reads the log and inserts into the store. Of a spool there is one reader; from Kafka any number share the\n"
        "partitions. With --drain it ends, with exit code 0, when everything in the log is stored.",
        "SENTINEL_LOG=kafka://broker:9092/csp-violations csp-sentinel process",
        (*_COMMON, "sites", "noise", "ops_host", "ops_port"),
    ),
    "console": (
        "the console and its read API only",
        "Serves the console over a ClickHouse server, or over the store of a data dir that nothing else has open.",
        "SENTINEL_STORE=clickhouse://reader:secret@clickhouse:8123/csp csp-sentinel console",
        (*_COMMON, "sites", "noise", *_CONSOLE, "ops_host", "ops_port"),
    ),
    "alerts": (
        "tell of what is new: sources, policies, spikes, silence",
        "Watches a ClickHouse server, and tells SENTINEL_WEBHOOKS, once, of each violation source and policy never\n"
        "seen before, of sources that come back, of spikes and of silence. Any number may run; one works at a time,\n"
        "and another goes on within 15 s if it dies. `csp-sentinel run` does this itself. `alerts test` sends a\n"
        "sample to every channel, and says what became of it; the exit code is 1 where one failed.",
        "SENTINEL_WEBHOOKS=https://hooks.example/csp csp-sentinel alerts test",
        (*_COMMON, "sites", "noise", "console_url", "ops_host", "ops_port"),
    ),
    "init": (
        "create the topics and the tables",
        "Creates Kafka's topics and the store's tables, and upgrades the tables. Safe to repeat: what is there stays\n"
        "as it is; where it contradicts the settings that is said, and the exit code is 1.",
        "SENTINEL_LOG='kafka://broker:9092/csp-violations?partitions=48&replication=3' csp-sentinel init",
        _COMMON,
    ),
    "import": (
        "load reports from files",
        "Loads reports from files: our own export, raw browser bodies (one a line, or one file a body), captures,\n"
        "and go-csp-collector's JSON lines; gzip is fine, `-` is standard input. A file loaded twice counts twice.",
        "csp-sentinel import violations.ndjson reports.jsonl.gz --site shop",
        (*_COMMON, "sites", "noise"),
    ),
    "export": (
        "write the violations as NDJSON, CSV or Parquet",
        "Writes the violations, a row a violation and 10-minute window, to a file or standard output.\n"
        "Works beside a running `csp-sentinel run`, and without one.",
        "csp-sentinel export --format csv --from 2026-11-01T00:00:00Z --output violations.csv",
        _COMMON,
    ),
    "noise": (
        "what is noise: the rules, what changed ones would do, and labelling what is stored by them",
        "list: the rules. test: what they would change of what is stored; nothing is written. apply: what is stored\n"
        "gets their labels; no report is dropped, and a second time it changes nothing. Without a file the rules are\n"
        "those in use. Works beside a running `csp-sentinel run`, and without one.",
        "csp-sentinel noise test my-rules.toml",
        (*_COMMON, "sites", "noise"),
    ),
    "backup": (
        "copy a data dir, also while it is in use",
        "Copies the store and the spool of the one-machine mode into a new folder, as they are at one moment. Works\n"
        "beside a running `csp-sentinel run`: reports are taken meanwhile, and each answered 204 before is in it,\n"
        "once. Until it is whole the folder is called DIR.partial; a killed backup is simply made again.",
        "csp-sentinel backup /backups/2026-12-01",
        _COMMON,
    ),
    "restore": (
        "make a data dir of a backup",
        "Copies a backup into an empty data dir, and checks every file. A backup of a newer version, or with a file\n"
        "missing or changed, is refused, and the data dir stays empty.",
        "csp-sentinel restore /backups/2026-12-01 --data-dir ./data",
        _COMMON,
    ),
    "forget": (
        "delete what is stored of a site or of URLs",
        "Shows how many rows of which table it is, asks, and deletes: violations, raw examples, rejects, sources,\n"
        "policies, alerts, and what they were counted in; then the files in which they stood. A URL stands for itself\n"
        "with any query, or with a * at its end for all that begin so. The ledger keeps its numbers. Works beside a\n"
        "running `csp-sentinel run`, and on a ClickHouse server.",
        "csp-sentinel forget --site shop --url 'https://shop.example/users/*'",
        _COMMON,
    ),
    "demo": (
        "send realistic reports to a running collector",
        "Sends a few thousand made-up reports, as today's browsers would send them, so that there is something to see.",
        "csp-sentinel demo --reports 3000",
        (),
    ),
    "match": (
        "say whether a policy allows a request",
        "Reads questions from standard input, one JSON object a line, and answers each on a line, in order.\n"
        "A question has policy (a header's value), document (its URL), directive (the effective one) and request,\n"
        "which holds what is needed of url, redirected, nonce, integrity, parser_inserted, destination, ancestors;\n"
        "or inline: true with inline_type, text, nonce, parser_inserted; or eval: true; or wasm: true.\n"
        "An answer has allowed, directive (which one decided; null if none governs) and why; or it has error.",
        """echo '{"policy": "default-src https:", "document": "https://shop.example/", "directive": "img-src", """
        """"request": {"url": "http://cdn.example/a.png"}}' | csp-sentinel match""",
        (),
    ),
    "parse": (
        "read a policy as browsers do, and say what is odd about it",
        "Reads from standard input, one JSON object a line with a policy (a header's value), and answers each on a\n"
        "line, in order: directives, as pairs of a name and its values, and problems; or error.",
        """echo '{"policy": "script-src self; img-src *"}' | csp-sentinel parse""",
        (),
    ),
    "plan": plan_arguments.HELP,
    "sign": sign_arguments.HELP,
    "settings": (
        "print every setting, its value and where it comes from",
        "Prints every setting: its value (secrets masked), where that comes from, and what it means.",
        "SENTINEL_PORT=9000 csp-sentinel settings",
        (*_COMMON, *_COLLECTOR, "noise", *_CONSOLE),
    ),
}
