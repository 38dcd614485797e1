"""A report becomes a violation: pure, and it never raises, whatever the JSON holds. The middle of the processor."""

from functools import lru_cache
from typing import Any, NamedTuple

from processor.browser import browser
from processor.directives import directive
from processor.fingerprint import fingerprint
from processor.hosts import site_of
from processor.noise import noise
from processor.policy import policy
from processor.text import as_text, storable, whole, without_queries
from processor.tokens import text_without_tokens
from processor.trust import trust
from processor.urls import Url, read_blocked, read_url
from processor.verdict import verdict
from schema.delivery import USER_AGENT_BYTES, Delivery
from schema.noise import Rules
from schema.report import SPELLINGS, Entry
from schema.sites import Site
from schema.violation import WINDOW_SECONDS, Violation

SAMPLE_BYTES = 1024  # browsers cut samples at 40 characters; the name of a Trusted Types sink comes on top
OLDEST_MS = 24 * 3_600_000  # no browser keeps a report it can't deliver for longer
_UINT32 = 2**32 - 1
_UINT16 = 2**16 - 1
_DISPOSITIONS = {"enforce": "enforce", "report": "report", "reporting": "report"}

_FIELD_OF = {name: field for field, names in SPELLINGS.items() for name in names}
_NUMBERS = frozenset({"line", "column", "status"})
_LEGACY_FIRST = SPELLINGS
# The Reporting API writes camelCase; a sample is a `sample` there.
_MODERN_FIRST = {
    field: tuple(sorted(names, key=lambda name: ("-" in name or "_" in name, name == "scriptSample")))
    for field, names in SPELLINGS.items()
}


class _Urls(NamedTuple):
    document: Url
    referrer: Url
    blocked: Url
    source: Url
    line: int
    column: int


def normalise(entry: Entry, delivery: Delivery, site: Site, rules: Rules | None = None) -> Violation:
    """`entry` is one of kind VIOLATION out of `delivery`, `site` the one it came to; `rules` None: the program's."""
    fields = _fields(entry)
    urls = _urls(fields, entry, site.keep_query)
    agent = as_text(entry.user_agent) or delivery.user_agent.decode(errors="replace")
    seen = max(0, delivery.received_ms - age_ms(entry.age))
    violation = _row(fields, urls, storable(agent, USER_AGENT_BYTES), seen, delivery.site)
    violation.signature, violation.environment = delivery.signature, delivery.environment
    marked = delivery.signature if site.require_signature and delivery.signature != "valid" else ""
    violation.fingerprint = fingerprint(violation, marked)
    violation.verdict, violation.verdict_reason = verdict(
        violation, fields.get("policy", ""), fields.get("blocked", "")
    )
    violation.noise, violation.noise_rule, violation.noise_version = noise(violation, site, rules)
    violation.trust, violation.trust_reasons = trust(violation, entry, delivery, site)
    return violation


def age_ms(value: Any) -> int:
    """How long the browser held the report back; 0 for what can't be that, so that it counts as new."""
    if isinstance(value, float) and 0 <= value <= OLDEST_MS:
        return int(value)
    return whole(value, OLDEST_MS)


def _row(fields: dict[str, Any], urls: _Urls, agent: str, seen: int, site: str) -> Violation:
    blocked_host = urls.blocked.host if urls.blocked.kind == "url" else ""
    rules = policy(fields.get("policy", ""))
    made_by = browser(agent)
    return Violation(
        site=site,
        window=seen // 1000 // WINDOW_SECONDS * WINDOW_SECONDS,
        fingerprint=b"",
        document_url=urls.document.text,
        document_host=urls.document.host,
        referrer=urls.referrer.text,
        effective_directive=directive(fields.get("effective", ""), fields.get("violated", "")),
        blocked_url=urls.blocked.text,
        blocked_host=blocked_host,
        blocked_site=site_of(blocked_host) if blocked_host else "",
        blocked_kind=urls.blocked.kind,
        disposition=_DISPOSITIONS.get(fields.get("disposition", "").strip().lower(), ""),
        source_file=urls.source.text,
        line_number=urls.line,
        column_number=urls.column,
        status_code=whole(fields.get("status", 0), _UINT16),
        sample=_sample(fields["sample"][: 8 * SAMPLE_BYTES]) if "sample" in fields else "",
        original_policy=rules.text,
        policy_hash=rules.hash,
        browser=made_by.name,
        browser_version=made_by.version,
        os=made_by.os,
        user_agent=agent,
        noise="",
        noise_rule="",
        first_seen=seen,
        last_seen=seen,
        document_template=urls.document.template,
        blocked_template=urls.blocked.template,
    )


@lru_cache(maxsize=1024)
def _sample(text: str) -> str:
    return storable(text_without_tokens(without_queries(text)), SAMPLE_BYTES)


def _fields(entry: Entry) -> dict[str, Any]:
    """The body's values by field, whichever spelling they came under; absent, empty and null are none (rule 33).

    Text but for the numbers, which are as sent.
    """
    found: dict[str, Any] = {}
    for name, value in entry.body.items():
        field = _FIELD_OF.get(name)
        if field is None or value is None or value == "":
            continue
        if field in found:
            return _by_preference(entry)
        found[field] = value if type(value) is str or field in _NUMBERS else as_text(value)
    return found


def _by_preference(entry: Entry) -> dict[str, Any]:
    """Several spellings of one field: the envelope's own first (rule 6)."""
    found = {}
    for field, names in (_LEGACY_FIRST if entry.legacy else _MODERN_FIRST).items():
        for name in names:
            value = entry.body.get(name)
            if value is not None and value != "":
                found[field] = value if field in _NUMBERS else as_text(value)
                break
    return found


def _urls(fields: dict[str, Any], entry: Entry, keep: tuple[str, ...]) -> _Urls:
    document = _document(fields, entry)
    source = fields.get("source", "")
    line = whole(fields.get("line", 0), _UINT32)
    column = whole(fields.get("column", 0), _UINT32)
    if not line and column == 1:  # Firefox and WebKit fill in the first column of no line
        column = 0
        if source == document and _from_webkit(entry):
            source = ""
    return _Urls(
        read_url(document, keep),
        read_url(fields.get("referrer", ""), keep),
        read_blocked(fields.get("blocked", ""), keep),
        read_url(source, keep),
        line,
        column,
    )


def _from_webkit(entry: Entry) -> bool:
    """Its Reporting API objects alone have neither age nor user_agent (rule 31); it fills in the document as source."""
    return not entry.legacy and entry.age is None and entry.user_agent is None


def _document(fields: dict[str, Any], entry: Entry) -> str:
    """Firefox before 14 sends only the request's first line; WebKit and the Reporting API name the page outside too."""
    document: str = fields.get("document", "")
    if document:
        return document
    words = fields.get("request", "").split(maxsplit=2)
    return str(words[1]) if len(words) > 1 else as_text(entry.url)
