"""The sites file: which sites report here, and what each allows. TOML, reloaded on SIGHUP."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from schema import alerting, noise_checks
from schema.alerting import AlertingOf, BadAlerting
from schema.noise import BadRules, Rule, Rules
from schema.noise_files import packaged
from schema.signing import BadKey, Signer, checked_key

LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
DEFAULT = "default"
CONSOLE = "console"  # our own console's violations: a site also where the file doesn't name it
MOST_RATE = 1_000_000_000  # reports a second: as good as none
_HOST = re.compile(r"(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[0-9a-f:.]+")


class Site(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file may say of a site."""

    hosts: tuple[str, ...] = ()  # documents' hosts, `*.` for subdomains; none: any
    sample: float = 1.0  # share of reports stored
    rate_limit: float | None = None  # reports a second that are stored, of all collectors of a machine; None: any
    burst: float | None = None  # reports at once; None: those of ten seconds
    gone: bool = False  # answered 204 and only counted
    keep_query: tuple[str, ...] = ()  # query parameters kept in URLs
    require_signature: str = ""  # of its report URLs; mark: those without are worth less, refuse: they are answered 403
    noise: tuple[Rule, ...] = ()  # rules of its own, asked before the others
    noise_off: tuple[str, ...] = ()  # ids of rules that are not asked for it

    def owns(self, host: str) -> bool:
        """Whether a document on `host` is this site's own."""
        if not self.hosts:
            return True
        return any(host == own or (own.startswith("*.") and host.endswith(own[1:])) for own in self.hosts)


class BadSites(Exception):
    """The sites file can't be used; the message names the place."""


class Sites:
    """Without a file every label is a site. `rules` for all of them: None are those of the program.

    The table is stored and shown; the signers, who hold keys, and what holds webhooks never are.
    """

    def __init__(
        self,
        sites: dict[str, Site] | None = None,
        rules: Rules | None = None,
        signers: dict[str, Signer] | None = None,
        alerting: AlertingOf | None = None,
    ) -> None:
        self.table = sites
        self.rules = rules
        self.signers = signers or {}
        self.alerting = alerting or AlertingOf()

    def rule(self, label: str, its: str) -> Rule | None:
        """The one that is called so, of the site or of all."""
        asked = (*self.get(label).noise, *(self.rules or packaged()).rules)
        return next((rule for rule in asked if rule.id == its), None)

    def known(self, label: str) -> bool:
        return self.table is None or label in self.table or label == CONSOLE

    def get(self, label: str) -> Site:
        return _ANY if self.table is None else self.table.get(label, _ANY)


_ANY = Site()
_APART = ("signing_keys", "alerts")  # kept out of the table


def load_sites(path: Path | None, rules: Rules | None = None) -> Sites:
    """Reads `[sites.LABEL]` tables and `[alerts]`. Raises BadSites with a sentence that says what would be right.

    Without a [sites.LABEL] every label is a site.
    """
    if path is None:
        return Sites(None, rules)
    try:
        found = tomllib.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise BadSites(f"the sites file {path} can't be read: {error}") from error
    tables = found.get("sites", {})
    if not found or found.keys() - {"sites", "alerts"} or not isinstance(tables, dict):
        raise BadSites(f"the sites file {path} should hold [sites.LABEL] tables, [alerts], and nothing else")
    signers = {label: _signer(path, label, table) for label, table in tables.items() if _has(table, "signing_keys")}
    its = {label: table["alerts"] for label, table in tables.items() if _has(table, "alerts")}
    try:
        alerts = alerting.read(found.get("alerts"), its)
    except BadAlerting as error:
        raise BadSites(f"{path}: {error}") from error
    sites = {label: _site(path, label, table) for label, table in tables.items()} if "sites" in found else None
    return Sites(sites, rules, signers, alerts)


def _has(table: Any, name: str) -> bool:
    return isinstance(table, dict) and name in table


def _signer(path: Path, label: str, table: dict[str, Any]) -> Signer:
    """No sentence quotes a key."""
    keys = table["signing_keys"]
    place = f"{path}: [sites.{label}]: signing_keys"
    if not isinstance(keys, list) or not keys:
        raise BadSites(f"{place} is a list of texts; `csp-sentinel sign --new-key` makes one")
    try:
        return Signer(label, [checked_key(key) for key in keys])
    except BadKey as error:
        raise BadSites(f"{place} holds one that {error}; `csp-sentinel sign --new-key` makes a good one") from error


def _site(path: Path, label: str, table: Any) -> Site:
    if not LABEL.fullmatch(label):
        raise BadSites(f"{path}: [sites.{label}] is no label: lower-case letters, digits and hyphens, at most 63")
    signed = _has(table, "signing_keys")
    if isinstance(table, dict):
        table = {name: value for name, value in table.items() if name not in _APART}
    heading = f"[[sites.{label}.noise]]"
    try:
        own = noise_checks.rules(table.get("noise"), str(path), heading) if isinstance(table, dict) else ()
        site = msgspec.convert(table | {"noise": own} if own else table, Site)
    except BadRules as error:
        raise BadSites(str(error)) from error
    except msgspec.ValidationError as error:
        raise BadSites(f"{path}: [sites.{label}]: {error}") from error
    for what in _wrong(site, signed=signed):
        raise BadSites(f"{path}: [sites.{label}]: {what}")
    return site


def _wrong(site: Site, *, signed: bool) -> Iterator[str]:
    """What no type says; `signed`: it has keys."""
    for its in site.noise_off:
        if not noise_checks.ID.fullmatch(its):
            yield f"noise_off has {its!r}, which is no id of a rule"
    yield from _wrong_limits(site)
    if site.require_signature not in {"", "mark", "refuse"}:
        yield f"require_signature is mark or refuse, not {site.require_signature!r}"
    if site.require_signature and not signed:
        yield "require_signature needs signing_keys too, to know what is signed"
    for host in site.hosts:
        if not _HOST.fullmatch(host):
            yield (
                f"hosts has {host!r}; write host names in lower case, as shop.example,"
                " or *.shop.example for what is below it"
            )


def _wrong_limits(site: Site) -> Iterator[str]:
    if not 0 <= site.sample <= 1:
        yield f"sample is a share from 0 to 1, not {site.sample}"
    if site.rate_limit is not None and not 0 < site.rate_limit <= MOST_RATE:
        yield (
            f"rate_limit is a number of reports a second, above 0 and at most {MOST_RATE:,}, not {site.rate_limit:g};"
            " sample = 0 stores none"
        )
    if site.burst is not None and not 1 <= site.burst <= MOST_RATE:
        yield f"burst is a number of reports, from 1 to {MOST_RATE:,}, not {site.burst:g}"
    if site.burst is not None and site.rate_limit is None:
        yield "burst needs rate_limit too"
