"""What the command line looks like: the commands, their flags, and the help of each with an example."""

import argparse
from collections.abc import Callable
from pathlib import Path

from loadtest.capacity import arguments as plan_arguments
from sentinel import __version__, sign_arguments
from sentinel.settings import SAYS, Settings

# Settings that a command takes as flags; all others come from the environment or the settings file.
_COMMON = ("data_dir", "log_level")
_COLLECTOR = ("host", "port", "workers", "server", "durability", "sites", "ops_host", "ops_port")
_CONSOLE = ("console_host", "console_port")
# Commands that only compute: they need no settings, no folder, and none of the heavy imports of the others.
WITHOUT_SETTINGS = ("match", "parse", "plan")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="csp-sentinel",
        allow_abbrev=False,
        description="Takes in the Content-Security-Policy violation reports that browsers send, counts each exactly, "
        "and shows what to act on.",
        epilog="A first look: `csp-sentinel run` in one terminal, `csp-sentinel demo` in another, then open the "
        "console. `csp-sentinel COMMAND --help` explains a command.",
    )
    made.add_argument("--version", action="version", version=f"csp-sentinel {__version__}")
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (help_, description, example, flags) in _COMMANDS.items():
        command = commands.add_parser(
            name,
            help=help_,
            allow_abbrev=False,
            description=description,
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name not in WITHOUT_SETTINGS:
            command.add_argument("--settings", type=Path, metavar="FILE", help="settings file: .env-style, or .toml")
        for flag in flags:
            _add_flag(command, flag)
        if name in _ARGUMENTS:
            _ARGUMENTS[name](command)
    return made


def _add_flag(command: argparse.ArgumentParser, field: str) -> None:
    says = SAYS[field]
    default = getattr(Settings(), field)
    command.add_argument(
        "--" + field.replace("_", "-"),
        metavar=says.unit.upper() or "VALUE",
        help=f"{says.meaning} [{default}]".replace("%", "%%"),
    )


_COMMANDS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
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


def _process_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--drain", action="store_true", help="store what the log holds, then end")


def _alerts_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("action", nargs="?", choices=("test",), help="send a sample to every channel")


def _import_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", nargs="+", metavar="FILE", help="a file, or - for standard input")
    command.add_argument("--site", default="default", help="the site of reports that don't name one [default]")


def _export_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--format", choices=("ndjson", "csv", "parquet"), default="ndjson")
    command.add_argument("--output", type=Path, metavar="FILE", help="instead of standard output")
    for name in ("site", "directive", "document-host", "blocked-host", "blocked-kind", "disposition", "browser",
                 "document-template", "blocked-template"):  # fmt: skip
        command.add_argument(f"--{name}", help="only these, as in the read API")
    command.add_argument("--noise", choices=("none", "only", "all"))
    command.add_argument("--verdict", help="only these, as in the read API")
    command.add_argument("--q", metavar="WORDS", help="only violations whose URLs hold these words")
    command.add_argument("--from", metavar="TIME", help="from the 10-minute window of this time on (RFC 3339)")
    command.add_argument("--to", metavar="TIME", help="up to the 10-minute window of this time")


def _noise_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("action", choices=("list", "test", "apply"))
    command.add_argument("rules", nargs="?", type=Path, metavar="RULES", help="a TOML file of rules")
    command.add_argument("--json", action="store_true", help="as JSON instead of a table")


def _backup_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", type=Path, metavar="DIR", help="the backup's folder")


def _forget_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--site", help="of this site; without --url all of it")
    command.add_argument("--url", action="append", help="of this page, blocked URL or script; may be given again")
    command.add_argument("--dry-run", action="store_true", help="only show what there is")
    command.add_argument("--yes", action="store_true", help="delete without asking")


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:10]) <= 10_000_000):
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 to 10000000")
    return int(text)


def _demo_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--url", default="http://127.0.0.1:8080", help="the collector [http://127.0.0.1:8080]")
    command.add_argument("--site", default="default", help="the site to report for [default]")
    command.add_argument("--reports", type=_positive, default=3000, help="how many [3000]")
    command.add_argument("--seed", type=int, default=1, help="the same seed makes the same reports [1]")


_ARGUMENTS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "process": _process_arguments,
    "alerts": _alerts_arguments,
    "import": _import_arguments,
    "export": _export_arguments,
    "demo": _demo_arguments,
    "plan": plan_arguments.arguments,
    "sign": sign_arguments.arguments,
    "noise": _noise_arguments,
    "backup": _backup_arguments,
    "forget": _forget_arguments,
    "restore": _backup_arguments,
}
