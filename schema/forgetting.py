"""Which rows hold something of a site or of URLs, table by table."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from schema.mutations import PATIENT, Held
from schema.noise_moves import WRITTEN
from schema.source_trust import SOURCE

_PORTS = {"http": 80, "https": 443}


class Wanted(NamedTuple):
    """`site`: "" is all. `beginnings` of URLs. Without URLs: all of the site.

    A URL without a query stands for itself with any; else for what a site may have kept of its query, or nothing of it.
    """

    site: str
    urls: tuple[str, ...] = ()
    beginnings: tuple[str, ...] = ()

    @property
    def values(self) -> dict[str, Any]:
        return {
            "site": self.site,
            "urls": list(self.urls),
            "beginnings": list(self.beginnings),
            "within": self._within(),
            "label": f'"site":"{self.site}"',
        }

    def _within(self) -> str:
        """A pattern for texts in which a URL may stand: it ends there, or goes on as a query."""
        ends = r"(?:[^A-Za-z0-9._~/%+:@!$&*=-]|\z)"
        whole = "|".join(_spelled(url.partition("?")[0]) for url in self.urls)
        return "|".join([*([f"(?:{whole}){ends}"] if whole else []), *map(_spelled, self.beginnings)])


def _spelled(url: str) -> str:
    """A pattern for it as a browser or a client may have written it, in JSON."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    port = f"(?::0*{_PORTS[scheme]})?" if slash and scheme in _PORTS and ":" not in host else ""
    ways = dict.fromkeys((slash + path, json.dumps(slash + path)[1:-1]))  # é or \u00e9
    return f"(?i:{re.escape(f'{scheme}://{host}')}){port}(?:{'|'.join(map(re.escape, ways))})"


class _Where(NamedTuple):
    table: str
    key: str
    condition: str
    clears: str = ""


def _is(column: str) -> str:
    begins = f"arrayExists(it -> startsWith({column}, it), {{beginnings:Array(String)}})"
    kept = f"hasAll(splitByChar('&', queryString(it)), splitByChar('&', queryString({column})))"
    queries = f"position(it, '?') = 0 OR queryString({column}) = '' OR {kept}"
    same = f"cutQueryString(it) = cutQueryString({column}) AND ({queries})"
    return f"(arrayExists(it -> {same}, {{urls:Array(String)}}) OR {begins})"


def _says(*columns: str) -> str:
    """JSON may write a slash with a backslash."""
    return " OR ".join(f"match(replaceAll({name}, '\\\\/', '/'), {{within:String}})" for name in columns)


_OF_A_SITE = (
    "violations", "weeks", "minutes", "hours", "days", "sources", "examples", "site_policies", "source_states",
    "rejects", "alert_events",
)  # fmt: skip
_SITE = "site = {site:String}"
URL_COLUMNS = ("document_url", "blocked_url", "source_file")
OF_URLS = " OR ".join(map(_is, URL_COLUMNS))
"""What follows from a fingerprint: all rows of it are of these URLs, or none is."""
# An event's id is in the messages that tell of it.
_MESSAGES_OF = "hasAny(events, (SELECT groupArray(id) FROM alert_events WHERE {condition}))"
_LABELLED = "position(rows, {label:String}) > 0"
_INSERTED = f"batch IN (SELECT batch FROM noise_moves GROUP BY batch HAVING max(done) > {WRITTEN})"  # noqa: S608  (ours)
_OF_THIS_SITE_ONLY = (
    f"policy_hash IN (SELECT policy_hash FROM site_policies WHERE {_SITE}) "  # noqa: S608  (of ours)
    f"AND policy_hash NOT IN (SELECT policy_hash FROM site_policies WHERE NOT ({_SITE}))"
)


def _of_site() -> Iterator[_Where]:
    silent = f"key IN (SELECT {SOURCE} FROM sources WHERE {_SITE})"  # noqa: S608  (of ours)
    yield _Where("silent_sources", "key", silent)
    yield _Where("alert_messages", "seq", _MESSAGES_OF.format(condition=_SITE))
    yield _Where("noise_moves", "batch", f"{_LABELLED} AND {_INSERTED}", clears="rows")
    for table in _OF_A_SITE:
        yield _Where(table, "site", _SITE)


def _of_urls(site: str) -> Iterator[_Where]:
    here = f"{_SITE} AND " if site else ""
    of_them = f"fingerprint IN (SELECT fingerprint FROM violations WHERE {here}({OF_URLS}))"  # noqa: S608  (ours)
    yield _Where("examples", "site, fingerprint", f"{here}({of_them} OR {_says('raw')})")
    yield _Where("rejects", "day, reason, slot", f"{here}({_says('raw')})")
    only_here = f" AND {_OF_THIS_SITE_ONLY}" if site else ""
    yield _Where("policies", "policy_hash", f"{_says('original_policy')}{only_here}")
    told = f"{here}({_says('title', 'evidence', 'occasion')})"
    payload = f"{_MESSAGES_OF.format(condition=_SITE)} AND ({_says('payload')})" if site else _says("payload")
    yield _Where("alert_messages", "seq", f"{payload} OR {_MESSAGES_OF.format(condition=told)}")
    yield _Where("alert_events", "id", told)
    # One batch may hold rows of many sites. Once they are inserted nobody reads them again. That there were some is to
    # be known, or the same ones would come a second time under the same token.
    moved = f"{_LABELLED} AND ({_says('rows')})" if site else f"({_says('rows')})"
    yield _Where("noise_moves", "batch", f"{moved} AND {_INSERTED}", clears="rows")
    yield _Where("violations", "fingerprint", f"{here}({OF_URLS})")
    yield _Where("weeks", "fingerprint", f"{here}({OF_URLS})")
    for table in ("violations", "weeks"):
        others = f"{here}NOT ({OF_URLS})"
        yield _Where(table, "site, referrer", f"{others} AND {_is('referrer')}", clears="referrer")
        yield _Where(table, "site, sample", f"{others} AND ({_says('sample')})", clears="sample")


def _rows(client: Client, its: _Where, wanted: Wanted) -> Held:
    used = {name: value for name, value in wanted.values.items() if f"{{{name}:" in its.condition}
    asked = f"SELECT count() FROM {its.table} WHERE {its.condition}"  # noqa: S608  (ours)
    rows = client.query(asked, parameters=used, settings=PATIENT).result_rows
    return Held(its.table, its.key, its.condition, used, rows[0][0], its.clears)


def held(client: Client, wanted: Wanted) -> list[Held]:
    """What there is now, without what is counted in roll-ups of other things too. Raises ClickHouseError.

    In the order in which it may go: what is known by rows of another table before these.
    """
    of_urls = wanted.urls or wanted.beginnings
    found = [_rows(client, its, wanted) for its in (_of_urls(wanted.site) if of_urls else _of_site())]
    return [its for its in found if its.rows]


def orphans(client: Client) -> list[Held]:
    """Policies that no violation has any more. Raises ClickHouseError."""
    gone = "policy_hash NOT IN (SELECT policy_hash FROM violations)"
    found = [_rows(client, _Where(table, "policy_hash", gone), Wanted("")) for table in ("policies", "site_policies")]
    return [its for its in found if its.rows]
