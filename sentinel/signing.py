"""`csp-sentinel sign`: makes the signed report URL of a site, and keys to sign with."""

import argparse
import sys
from datetime import UTC, datetime

from schema.signing import PARAMETER, new_key
from schema.sites import load_sites
from sentinel.explained import CannotStart, explained
from sentinel.settings import Settings


def sign(settings: Settings, given: argparse.Namespace) -> int:
    """The URL alone goes to standard output."""
    if given.new_key:
        print(new_key())
        return 0
    if settings.sites is None:
        raise CannotStart("the keys stand in the sites file: name it with --sites or SENTINEL_SITES")
    with explained():
        sites = load_sites(settings.sites)
    if not sites.known(given.site):
        raise CannotStart(f"the sites file {settings.sites} has no [sites.{given.site}]")
    signer = sites.signers.get(given.site)
    if signer is None:
        raise CannotStart(
            f"[sites.{given.site}] in {settings.sites} has no signing_keys: `csp-sentinel sign --new-key` makes one"
        )
    print(f"{given.url}/csp/report/{given.site}?{PARAMETER}={signer.token(given.environment, given.expires)}")
    until = datetime.fromtimestamp(given.expires, UTC).isoformat().replace("+00:00", "Z")
    named = f"for {given.environment}, " if given.environment else ""
    print(f"valid {named}until {until}; processes that run read a changed sites file on SIGHUP", file=sys.stderr)
    return 0
