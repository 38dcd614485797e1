"""What the command line looks like: the commands, with their arguments and flags."""

import argparse
from collections.abc import Callable
from pathlib import Path

from loadtest.capacity import arguments as plan_arguments
from sentinel import __version__, sign_arguments
from sentinel.command_help import COMMANDS
from sentinel.says import SAYS
from sentinel.settings import Settings

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
    for name, (help_, description, example, flags) in COMMANDS.items():
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
    command.add_argument(
        "--url",
        action="append",
        help="of this page, blocked URL or script, to the end; URL* for all that begin so; may be given again",
    )
    command.add_argument("--dry-run", action="store_true", help="only show what there is")
    command.add_argument("--yes", action="store_true", help="delete without asking, at a terminal too")


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
