"""What `csp-sentinel sign` may be told: read before the command is, so without anything that takes long to import."""

import argparse
import re
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

from schema.signing import ENVIRONMENT, LATEST
from schema.sites import DEFAULT, LABEL

HELP = (
    "make a signed report URL for a site",
    "Prints a report URL that holds a signature: for one site, for one environment if it is named, until it expires.\n"
    "It keeps out reports of those who never saw the site's pages. Everyone who visits the site can read it, so it\n"
    "proves no more than that. It has no `;`, no `,` and no blank: it can stand in a policy as it is.\n\n"
    "Put a key into the sites file, under [sites.LABEL]: signing_keys = [\"…\"] (`sign --new-key` makes one). The\n"
    "first key signs, all of them verify. To change keys, put the new one first, send the new URL with your pages,\n"
    "and take the old one out when the old URLs are gone. With require_signature = \"mark\" there, reports without a\n"
    "valid signature are worth less; \"refuse\" answers them 403, which Chromium repeats ten times and more.",
    "csp-sentinel sign --site shop --environment production --expires 365d --url https://csp.example",
    ("sites",),
)  # fmt: skip

_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_SPAN = re.compile(r"([1-9][0-9]{0,5})([mhdw])")
_LONGEST_SECONDS = 3650 * 86_400
_IN_A_POLICY = re.compile(r"[!-+\--:<-~]+")  # no blank, no comma, no semicolon, nothing but ASCII


def arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--site", type=_site, default=DEFAULT, help="the site's label in the sites file [default]")
    command.add_argument("--environment", type=_environment, default="", metavar="NAME",
                         help="stored with each report, for example production or staging")  # fmt: skip
    command.add_argument("--expires", type=_expires, default="365d", metavar="TIME",
                         help="30m, 12h, 365d, 52w, or a date like 2027-11-25 (its start, UTC) [365d]")  # fmt: skip
    command.add_argument("--url", type=_url, default="", help="the collector's, as browsers see it; without it: a path")
    command.add_argument("--new-key", action="store_true", help="print a new key for the sites file, and nothing else")


def _site(text: str) -> str:
    if not LABEL.fullmatch(text):
        raise argparse.ArgumentTypeError("a site's label has lower-case letters, digits and hyphens, at most 63")
    return text


def _environment(text: str) -> str:
    if text and not ENVIRONMENT.fullmatch(text):
        raise argparse.ArgumentTypeError("an environment has lower-case letters, digits and hyphens, at most 32")
    return text


def _expires(text: str) -> int:
    """Seconds since the epoch."""
    now = int(time.time())
    span = _SPAN.fullmatch(text)
    try:
        found = now + int(span[1]) * _SECONDS[span[2]] if span else _moment(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a time from now, as 365d, nor a date, as 2027-11-25"
        ) from None
    if not now < found <= min(now + _LONGEST_SECONDS, LATEST):
        raise argparse.ArgumentTypeError(f"{text} is not in the future, or more than ten years (3650d) away")
    return found


def _moment(text: str) -> int:
    found = datetime.fromisoformat(text)
    return int(found.replace(tzinfo=found.tzinfo or UTC).timestamp())


def _url(text: str) -> str:
    """Without a slash at its end."""
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        sound = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not _IN_A_POLICY.fullmatch(text) or set("?#@") & set(text):
        raise argparse.ArgumentTypeError(
            "the collector's URL is like https://csp.example, without user, query and fragment"
        )
    return text.rstrip("/")
