"""A report becomes a violation: pure, and it never raises, whatever the JSON holds. The middle of the processor."""

from functools import lru_cache
from typing import Any, NamedTuple

from processor.browser import browser
from processor.directives import directive
from processor.fingerprint import fingerprint
from processor.hosts import site_of
from processor.noise import noise
from processor.policy import policy
from processor.text import as_text, begin, storable, whole, without_queries
from processor.tokens import text_without_tokens
from processor.trust import trust
from processor.urls import read_blocked, read_url
from processor.verdict import verdict
from schema.delivery import USER_AGENT_BYTES, Delivery
from schema.noise import Rules
from schema.report import SPELLINGS, Entry
from schema.sites import Site
from schema.violation import WINDOW_SECONDS, Violation, blank

SAMPLE_BYTES = 1024  # browsers cut samples at 40 characters; the name of a Trusted Types sink comes on top
OLDEST_MS = 24 * 3_600_000  # no browser keeps a report it can't deliver for longer
_LONGEST_PAGE = 768  # characters of a page's URL and its referrer that are remembered: at most 8 MB of all
_UINT32 = 2**32 - 1
_UINT16 = 2**16 - 1
_DISPOSITIONS = {"": "", "enforce": "enforce", "report": "report", "reporting": "report"}

_NUMBERS = frozenset({"line", "column", "status"})
# The Reporting API writes camelCase; a sample is a `sample` there.
_MODERN_FIRST = {
    field: tuple(sorted(names, key=lambda name: ("-" in name or "_" in name, name == "scriptSample")))
    for field, names in SPELLINGS.items()
}


class _Fields(NamedTuple):
    """As SPELLINGS, the numbers last. Text, empty where there is none; the numbers are as they were sent."""

    document: str
    referrer: str
    blocked: str
    effective: str
    violated: str
    policy: str
    disposition: str
    source: str
    sample: str
    request: str
    line: Any
    column: Any
    status: Any


_TEXTS = len(SPELLINGS) - len(_NUMBERS)
_ABSENT = ("",) * _TEXTS + (None,) * len(_NUMBERS)
_ONLY_TEXT = {str}


class _Spellings:
    """Those that an envelope goes by, as _Fields has them."""

    def __init__(self, preferred: dict[str, tuple[str, ...]]) -> None:
        self.preferred = [preferred[field] for field in _Fields._fields]
        self.first = tuple(names[0] for names in self.preferred)
        self.own = frozenset(self.first)


_LEGACY, _MODERN = _Spellings(SPELLINGS), _Spellings(_MODERN_FIRST)


def normalise(entry: Entry, delivery: Delivery, site: Site, rules: Rules | None = None) -> Violation:
    """`entry` is one of kind VIOLATION out of `delivery`, `site` the one it came to; `rules` None: the program's."""
    fields = _fields(entry)
    seen = max(0, delivery.received_ms - age_ms(entry.age))
    row = blank()
    row.site, row.signature, row.environment = delivery.site, delivery.signature, delivery.environment
    row.window = seen // 1000 // WINDOW_SECONDS * WINDOW_SECONDS
    row.first_seen = row.last_seen = seen
    _set_places(row, fields, entry, site.keep_query)
    _set_words(row, fields)
    sender = as_text(entry.user_agent) or _decoded(delivery.user_agent)
    row.user_agent, row.browser, row.browser_version, row.os = _sender(sender[:USER_AGENT_BYTES])
    marked = delivery.signature if site.require_signature and delivery.signature != "valid" else ""
    row.fingerprint = fingerprint(row, marked)
    row.verdict, row.verdict_reason = verdict(row, fields.policy, fields.blocked)
    row.noise, row.noise_rule, row.noise_version = noise(row, site, rules)
    row.trust, row.trust_reasons = trust(row, entry, delivery, site)
    return row


def age_ms(value: Any) -> int:
    """How long the browser held the report back; 0 for what can't be that, so that it counts as new."""
    if isinstance(value, float) and 0 <= value <= OLDEST_MS:
        return int(value)
    return whole(value, OLDEST_MS)


def _decoded(header: bytes) -> str:
    return header.decode(errors="replace")


@lru_cache(maxsize=4096)
def _sender(text: str) -> tuple[str, str, str, str]:
    """As it is stored, and the browser that it names: few send most."""
    stored = storable(text, USER_AGENT_BYTES)
    return stored, *browser(stored)


def _set_words(row: Violation, fields: _Fields) -> None:
    row.effective_directive = directive(fields.effective, fields.violated)
    row.disposition = _disposition(fields.disposition)
    row.status_code = whole(fields.status, _UINT16)
    if fields.sample:
        row.sample = _sample(begin(fields.sample, 8 * SAMPLE_BYTES))
    row.original_policy, row.policy_hash = policy(fields.policy)


def _disposition(text: str) -> str:
    found = _DISPOSITIONS.get(text)
    return _DISPOSITIONS.get(text.strip().lower(), "") if found is None else found


@lru_cache(maxsize=1024)
def _sample(text: str) -> str:
    return storable(text_without_tokens(without_queries(text)), SAMPLE_BYTES)


def _fields(entry: Entry) -> _Fields:
    """The body's values, whichever spelling they came under; null is none (rule 33)."""
    body = entry.body
    spellings = _LEGACY if entry.legacy else _MODERN
    if spellings.own.issuperset(body):  # as browsers write it: no second spelling to look for
        found = list(map(body.get, spellings.first, _ABSENT))
    else:
        found = [_preferred(body, names) for names in spellings.preferred]
    texts = found[:_TEXTS]
    if {*map(type, texts)} != _ONLY_TEXT:  # asked of all at once: a third of the time of one by one
        found[:_TEXTS] = map(as_text, texts)
    return _Fields._make(found)


def _preferred(body: dict[str, Any], names: tuple[str, ...]) -> Any:
    """Several spellings of one field: the envelope's own first (rule 6)."""
    for name in names:
        value = body.get(name)
        if value is not None and value != "":
            return value
    return None


def _set_places(row: Violation, fields: _Fields, entry: Entry, keep: tuple[str, ...]) -> None:
    document, source = fields.document or _document(fields, entry), fields.source
    row.line_number, row.column_number = whole(fields.line, _UINT32), whole(fields.column, _UINT32)
    if not row.line_number and row.column_number == 1:  # Firefox and WebKit fill in the first column of no line
        row.column_number = 0
        if source == document and _from_webkit(entry):
            source = ""
    page = _page if len(document) + len(fields.referrer) <= _LONGEST_PAGE else _read_page
    row.document_url, row.document_host, row.document_template, row.referrer = page(document, fields.referrer, keep)
    row.blocked_kind, row.blocked_url, host, _, row.blocked_template = read_blocked(fields.blocked, keep)
    if host and row.blocked_kind == "url":
        row.blocked_host, row.blocked_site = host, site_of(host)
    if source:
        row.source_file = read_url(source, keep).text


def _read_page(document: str, referrer: str, keep: tuple[str, ...]) -> tuple[str, str, str, str]:
    """Its URL, host and template, and where its visitor came from: most reports are of pages that had some before."""
    url = read_url(document, keep)
    return url.text, url.host, url.template, read_url(referrer, keep).text if referrer else ""


_page = lru_cache(maxsize=4096)(_read_page)


def _from_webkit(entry: Entry) -> bool:
    """Its Reporting API objects alone have neither age nor user_agent (rule 31); it fills in the document as source."""
    return not entry.legacy and entry.age is None and entry.user_agent is None


def _document(fields: _Fields, entry: Entry) -> str:
    """Firefox before 14 sends only the request's first line; WebKit and the Reporting API name the page outside too."""
    words = fields.request.split(maxsplit=2)
    return words[1] if len(words) > 1 else as_text(entry.url)
