"""What `make load` may be told, and the help that explains it."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from loadtest.load.profiles import PROFILES

RESULTS = Path("load-results")
CONSOLE = "http://127.0.0.1:8081"
_ABOUT = """\
Sends reports as browsers do, at a profile's rates, and says whether everything held: the share of requests that failed,
how long answers took, and that all that was answered 204 is stored, exactly, as the console's ledger says. The exit
code is 1 where something did not hold. Ctrl-C ends the load, and what was sent by then is still checked; a second
Ctrl-C does not wait for the store.

Without --host it starts a pipeline of its own, on free ports and an empty data dir, and stops it afterwards. Each run
reports as a site of its own, so a store may hold other data."""
_MORE = """\
Posts come at the profile's rate whether or not earlier ones are answered, and times count from the moment a post was
due, so a server that stands still can't hide behind users who wait for it. At scale 1 a profile is a thousandth of what
the pipeline is designed for. One process sends some hundred posts a second; --workers shares them out.

examples:
  make load PROFILE=smoke
  make load PROFILE=spike SCALE=2 WORKERS=2
  make load PROFILE=soak MINUTES=10
  make load PROFILE=breakpoint UI=1                  then open Locust's page, and start it there
  make load PROFILE=average HOST=https://csp.example.com CONSOLE=https://console.example.com SCALE=20 WORKERS=4
                                                     SENTINEL_CONSOLE_TOKEN opens the console

On many machines, with Locust's own command and a checkout on each:
  locust -f loadtest/locustfile.py --master --headless --expect-workers 8 --load-profile average --load-scale 100 \\
      --host https://csp.example.com --load-console https://console.example.com
  locust -f loadtest/locustfile.py --worker --master-host MASTER"""


class Given(NamedTuple):
    """`host` is None for a pipeline of its own; `workers` 0 for one process that does all."""

    profile: str
    host: str | None
    console: str
    workers: int
    ui: bool
    scale: float
    minutes: float
    seed: int
    results: Path


def parser() -> argparse.ArgumentParser:
    profiles = "\n".join(
        f"  {profile.name:<12}{profile.about} ({profile.seconds / 60:.3g} min)" for profile in PROFILES.values()
    )
    made = argparse.ArgumentParser(
        prog="python -m loadtest.load",
        description=_ABOUT,
        epilog=f"profiles:\n{profiles}\n\n{_MORE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("profile", nargs="?", default="smoke", choices=PROFILES, metavar="PROFILE", help="see below [smoke]")
    add("--host", type=_url, metavar="URL", help="a collector that runs [one of its own]")
    add("--console", type=_url, metavar="URL", help=f"its console, whose ledger is read [{CONSOLE}]")
    add("--workers", type=_number(int, 1, 500), metavar="N", default=0, help="processes that send [the only one]")
    add("--ui", action="store_true", help="Locust's page, at http://127.0.0.1:8089, instead of starting at once")
    add(
        "--scale", type=_number(float, 0.001, 100_000), metavar="X", help="times the profile's rates [LOAD_SCALE, or 1]"
    )
    add("--minutes", type=_number(float, 0.01, 100_000), metavar="M", default=0, help="instead of the profile's own")
    add("--seed", type=_number(int, 0, 10**9), metavar="N", default=1, help="of the traffic [1]")
    add("--results", type=Path, metavar="FOLDER", help=f"for what came of it [{RESULTS}/PROFILE]")
    return made


def read(words: list[str]) -> Given:
    """Ends the program on wrong use, with exit code 2."""
    made = parser()
    given = made.parse_args(words)
    if given.console and not given.host:
        made.error("--console goes with --host: a pipeline of its own has a console of its own")
    if given.scale is None:
        try:
            given.scale = _number(float, 0.001, 100_000)(os.environ.get("LOAD_SCALE") or "1")
        except argparse.ArgumentTypeError as error:
            made.error(f"LOAD_SCALE: {error}")
    given.console = given.console or CONSOLE
    given.results = given.results or RESULTS / given.profile
    return Given(**vars(given))


def _url(text: str) -> str:
    try:
        where = urlsplit(text)
        right = where.scheme in {"http", "https"} and bool(where.hostname) and where.port != 0
    except ValueError:  # a port that is no number
        right = False
    if not right:
        raise argparse.ArgumentTypeError(f"{text} is no address like http://127.0.0.1:8080")
    return text


def _number(kind: type[int] | type[float], least: float, most: float) -> Callable[[str], float]:
    def read_number(text: str) -> float:
        try:
            found = kind(text)
        except ValueError:
            found = kind(-1)
        if not least <= found <= most:
            raise argparse.ArgumentTypeError(f"{text} is not a number from {least:,} to {most:,}")
        return found

    return read_number
