"""A report becomes a violation: pure, and it never raises, whatever the JSON holds. The middle of the processor."""

from functools import lru_cache
from typing import Any, NamedTuple

from processor.browser import browser
from processor.directives import KNOWN, directive
from processor.fingerprint import fingerprint
from processor.hosts import site_of
from processor.noise import judge_of
from processor.policy import policy
from processor.stored import Origins
from processor.text import as_text, begin, storable, whole, without_queries
from processor.tokens import text_without_tokens
from processor.trust import trust
from processor.urls import Url, read_blocked, read_url
from processor.verdict import verdict
from schema.delivery import USER_AGENT_BYTES, Delivery
from schema.noise import Rules
from schema.noise_files import packaged
from schema.report import SPELLINGS, Entry
from schema.sites import Site
from schema.violation import WINDOW_SECONDS, Violation

SAMPLE_BYTES = 1024  # browsers cut samples at 40 characters; the name of a Trusted Types sink comes on top
OLDEST_MS = 24 * 3_600_000  # no browser keeps a report it can't deliver for longer
_LONGEST_PAGE = 768  # characters of a page's URL and its referrer that are remembered: at most 8 MB of all
_UINT32 = 2**32 - 1
_UINT16 = 2**16 - 1
_NOWHERE = Url("empty", "")
_SAID = frozenset({"", "enforce", "report"})
_DISPOSITIONS = {name: name for name in _SAID} | {"reporting": "report"}

_NUMBERS = frozenset({"line", "column", "status"})
# The Reporting API writes camelCase; a sample is a `sample` there.
_MODERN_FIRST = {
    field: tuple(sorted(names, key=lambda name: ("-" in name or "_" in name, name == "scriptSample")))
    for field, names in SPELLINGS.items()
}


_ORDER = (*(field for field in SPELLINGS if field not in _NUMBERS), *sorted(_NUMBERS))  # as `_fields` has them
_TEXTS = len(SPELLINGS) - len(_NUMBERS)
_ABSENT = ("",) * _TEXTS + (None,) * len(_NUMBERS)
_ONLY_TEXT = {str}


class _Spellings:
    """Those that an envelope goes by, in _ORDER."""

    def __init__(self, preferred: dict[str, tuple[str, ...]]) -> None:
        self.preferred = [preferred[field] for field in _ORDER]
        self.first = tuple(names[0] for names in self.preferred)
        self.own = frozenset(self.first)


_LEGACY, _MODERN = _Spellings(SPELLINGS), _Spellings(_MODERN_FIRST)


def normalise(entry: Entry, delivery: Delivery, site: Site, rules: Rules | None = None) -> Violation:
    """`entry` is one of kind VIOLATION out of `delivery`, `site` the one it came to; `rules` None: the program's.

    Reports differ, but most parts of one came before in another: the page, the policy, the browser, the origin of what
    was blocked. What is made of a part is remembered, so that little is left to be done for each.
    """
    (
        document, referrer, blocked, effective, violated, written, disposition, source, sample, request,
        column, line, status,
    ) = _fields(entry)  # fmt: skip
    keep = site.keep_query
    document = document or _document(request, entry)
    line, column, status = _numbers(line, column, status)
    if column == 1 and not line:  # Firefox and WebKit fill in the first column of no line
        column = 0
        if source == document and _from_webkit(entry):
            source = ""
    page = (_page if len(document) + len(referrer) <= _LONGEST_PAGE else _read_page)(document, referrer, keep)
    kind, blocked_url, host, _, blocked_template, start = read_blocked(blocked, keep)
    if kind != "url":
        host = ""
    placed = read_url(source, keep) if source else _NOWHERE
    agent = "" if entry.user_agent is None else as_text(entry.user_agent)
    by = _sender((agent or delivery.user_agent.decode("utf-8", "replace"))[:USER_AGENT_BYTES])
    original, digest = policy(written)
    seen = delivery.received_ms
    if entry.age is not None:
        seen = max(0, seen - age_ms(entry.age))
    # In the order of its fields: to name them, or to set one after the other, takes twice the time.
    row = Violation(
        delivery.site, seen // 1000 // WINDOW_SECONDS * WINDOW_SECONDS, b"", page.url, page.host, page.referrer,
        effective if effective in KNOWN else directive(effective, violated),
        blocked_url, host, site_of(host) if host else "", kind,
        disposition if disposition in _SAID else _disposition(disposition),
        placed.text, line, column, status, _sample(begin(sample, 8 * SAMPLE_BYTES)) if sample else "",
        original, digest, by.browser, by.version, by.os, by.user_agent, "", "", seen, seen, 1, "", "", 100, "", "",
        delivery.signature, delivery.environment, page.template, blocked_template,
    )  # fmt: skip
    origins = Origins(start, placed.origin, page.origin)
    marked = delivery.signature if site.require_signature and delivery.signature != "valid" else ""
    row.fingerprint = fingerprint(row, marked)
    row.verdict, row.verdict_reason = verdict(row, written, blocked, origins)
    judge = judge_of(rules or packaged(), site)
    row.noise, row.noise_rule, row.noise_version = judge.noise(row, site, origins)
    row.trust, row.trust_reasons = trust(row, entry, delivery, site, origins)
    return row


def age_ms(value: Any) -> int:
    """How long the browser held the report back; 0 for what can't be that, so that it counts as new."""
    if type(value) is int:
        return value if 0 <= value <= OLDEST_MS else 0
    if isinstance(value, float) and 0 <= value <= OLDEST_MS:
        return int(value)
    return whole(value, OLDEST_MS)


class _Sender(NamedTuple):
    """A User-Agent as it is stored, and the browser that it names."""

    user_agent: str
    browser: str
    version: str
    os: str


@lru_cache(maxsize=4096)
def _sender(text: str) -> _Sender:
    stored = storable(text, USER_AGENT_BYTES)
    return _Sender(stored, *browser(stored))


def _numbers(line: Any, column: Any, status: Any) -> tuple[int, int, int]:
    if type(line) is type(column) is type(status) is int and 0 <= line <= _UINT32 and 0 <= column <= _UINT32:
        return line, column, status if 0 <= status <= _UINT16 else 0  # nearly all that say where it was
    return (
        0 if line is None else whole(line, _UINT32),
        0 if column is None else whole(column, _UINT32),
        0 if status is None else whole(status, _UINT16),
    )


def _disposition(text: str) -> str:
    return _DISPOSITIONS.get(text.strip().lower(), "")


@lru_cache(maxsize=1024)
def _sample(text: str) -> str:
    return storable(text_without_tokens(without_queries(text)), SAMPLE_BYTES)


def _fields(entry: Entry) -> list[Any]:
    """The body's values, whichever spelling they came under; null is none (rule 33).

    Text, empty where there is none; the numbers, which are the last, as they were sent.
    """
    body = entry.body
    spellings = _LEGACY if entry.legacy else _MODERN
    if spellings.own.issuperset(body):  # as browsers write it: no second spelling to look for
        found = list(map(body.get, spellings.first, _ABSENT))
    else:
        found = [_preferred(body, names) for names in spellings.preferred]
    texts = found[:_TEXTS]
    if {*map(type, texts)} != _ONLY_TEXT:  # asked of all at once: a third of the time of one by one
        found[:_TEXTS] = map(as_text, texts)
    return found


def _preferred(body: dict[str, Any], names: tuple[str, ...]) -> Any:
    """Several spellings of one field: the envelope's own first (rule 6)."""
    for name in names:
        value = body.get(name)
        if value is not None and value != "":
            return value
    return None


class _Page(NamedTuple):
    """A document, and where its visitor came from: most reports are of pages that had some before."""

    url: str
    host: str
    template: str
    origin: str
    referrer: str


def _read_page(document: str, referrer: str, keep: tuple[str, ...]) -> _Page:
    url = read_url(document, keep)
    return _Page(url.text, url.host, url.template, url.origin, read_url(referrer, keep).text if referrer else "")


_page = lru_cache(maxsize=4096)(_read_page)


def _from_webkit(entry: Entry) -> bool:
    """Its Reporting API objects alone have neither age nor user_agent (rule 31); it fills in the document as source."""
    return not entry.legacy and entry.age is None and entry.user_agent is None


def _document(request: str, entry: Entry) -> str:
    """Firefox before 14 sends only the request's first line; WebKit and the Reporting API name the page outside too."""
    words = request.split(maxsplit=2)
    return words[1] if len(words) > 1 else as_text(entry.url)
