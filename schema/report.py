"""Reports as browsers send them: five shapes of body become one list of entries.

Two readers of one grammar. `count` is the collector's: it decides between 204 and 400 and touches no more than
it must. `entries` is the processor's: everything, decoded. Where `count` is in doubt it asks `entries`, so they agree.
Shapes: CSP3 §5.3 (`{"csp-report": …}`), Reporting API §3.5 (an array), and WebKit's single objects of either.
"""

import json
import re
from enum import IntEnum
from typing import Any

import msgspec

from schema.reasons import Reason

CSP_TYPE = "csp-violation"

# Every spelling a field has been seen under (kebab: report-uri; camel: Reporting API; the DOM event's; snake).
SPELLINGS: dict[str, tuple[str, ...]] = {
    "document": ("document-uri", "document-url", "documentURL", "documentURI", "document_uri", "document_url"),
    "referrer": ("referrer",),
    "blocked": ("blocked-uri", "blocked-url", "blockedURL", "blockedURI", "blocked_uri", "blocked_url"),
    "effective": ("effective-directive", "effectiveDirective", "effective_directive"),
    "violated": ("violated-directive", "violatedDirective", "violated_directive"),
    "policy": ("original-policy", "originalPolicy", "original_policy"),
    "disposition": ("disposition",),
    "source": ("source-file", "sourceFile", "source_file"),
    "line": ("line-number", "lineNumber", "line_number"),
    "column": ("column-number", "columnNumber", "column_number"),
    "status": ("status-code", "statusCode", "status_code"),
    "sample": ("script-sample", "sample", "scriptSample", "script_sample"),
    "request": ("request",),
}
# A body with none of these says nothing about a violation.
_USABLE = [name for field in ("document", "blocked", "effective", "violated", "policy", "source", "request")
           for name in SPELLINGS[field]]  # fmt: skip


class EntryKind(IntEnum):
    VIOLATION = 0
    OTHER = 1  # a report of another type: counted by type
    BAD = 2  # not a report at all: counted as rejected


class Entry(msgspec.Struct):
    """One report out of a body. `age` in ms, as sent (any JSON value); `legacy` says whose spelling to prefer."""

    kind: EntryKind
    type: str = ""
    body: dict[str, Any] = {}
    url: Any = None
    age: Any = None
    user_agent: Any = None
    legacy: bool = False
    in_array: bool = False


class Unreadable(Exception):
    """The body holds no report. Carries the reason; the body itself stays with the caller."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


# Of each shape the one field that nearly every report has; without it `entries` looks for the others. Text, not Raw:
# msgspec makes a short string in less time than a Raw (legacy 1.6 to 0.9 µs, an array of ten 17.5 to 12).
class _Legacy(msgspec.Struct, rename="kebab", gc=False):
    document_uri: str = ""


class _Body(msgspec.Struct, gc=False):
    documentURL: str = ""  # noqa: N815


class _Object(msgspec.Struct, gc=False):
    type: str = ""
    report: _Legacy | None = msgspec.field(name="csp-report", default=None)
    body: _Body | None = None


_decode_object = msgspec.json.Decoder(_Object).decode
_decode_array = msgspec.json.Decoder(list[_Object]).decode


_LARGE_BYTES = 1024 * 1024
_MOST_VALUES = 2_000_000  # of a large body: read, `{}` takes thirty times its bytes


def _bound(body: bytes) -> None:
    if body.count(b",") > _MOST_VALUES:
        raise Unreadable(Reason.TOO_LARGE)


def count(body: bytes) -> int:
    """How many entries `body` holds; raises Unreadable where `entries` does."""
    if len(body) > _LARGE_BYTES:
        _bound(body)
    try:
        objects = [_decode_object(body)] if body[:1] == b"{" else _decode_array(body)
    except (ValueError, RecursionError):  # msgspec's errors, and UnicodeDecodeError, are ValueErrors
        return len(entries(body))
    for item in objects:
        if not _plain(item):
            return len(entries(body))
    return len(objects)


def _plain(item: _Object) -> bool:
    """A report in today's spelling, or one of another type."""
    if item.report is not None:
        return item.report.document_uri != ""
    if item.type == CSP_TYPE:
        return item.body is not None and item.body.documentURL != ""
    return item.type != ""


def entries(body: bytes) -> list[Entry]:
    """Every entry of `body`, good or bad, in order; none for an empty array. Raises Unreadable where all are bad."""
    if len(body) > _LARGE_BYTES:
        _bound(body)
    found = parse(body)
    if isinstance(found, list):
        several = [entry_of(item, in_array=True) for item in found]
        if several and all(entry.kind is EntryKind.BAD for entry in several):
            raise Unreadable(Reason.NOTHING_USABLE)
        return several
    if not isinstance(found, dict):
        raise Unreadable(Reason.WRONG_SHAPE)
    entry = entry_of(found, in_array=False)
    if entry.kind is EntryKind.BAD:
        wrapped = "csp-report" in found or "body" in found
        raise Unreadable(Reason.NOTHING_USABLE if wrapped else Reason.WRONG_SHAPE)
    return [entry]


def entry_of(item: Any, *, in_array: bool) -> Entry:
    """One object, by its shape: `csp-report` first, because WebKit sends both it and a type."""
    if not isinstance(item, dict):
        return Entry(EntryKind.BAD)
    legacy = item.get("csp-report")
    kind = item.get("type")
    if isinstance(legacy, dict):
        usable = EntryKind.VIOLATION if _usable(legacy) else EntryKind.BAD
        return Entry(usable, CSP_TYPE, legacy, item.get("url"), item.get("age"), item.get("user_agent"), True, in_array)
    if isinstance(kind, str) and kind and kind != CSP_TYPE:
        return Entry(EntryKind.OTHER, kind)
    if kind != CSP_TYPE:
        return Entry(EntryKind.BAD)
    return modern(item.get("body"), item.get("url"), item.get("age"), item.get("user_agent"), in_array=in_array)


def modern(body: Any, url: Any, age: Any, user_agent: Any, *, in_array: bool) -> Entry:
    """Of CSP_TYPE, with what stood beside its body."""
    if not isinstance(body, dict) or not _usable(body):
        return Entry(EntryKind.BAD)
    return Entry(EntryKind.VIOLATION, CSP_TYPE, body, url, age, user_agent, False, in_array)


def _usable(body: dict[str, Any]) -> bool:
    if type(text := body.get("documentURL") or body.get("document-uri")) is str and text:  # nearly all: no loop
        return True
    for name in _USABLE:
        value = body.get(name)
        if value is not None and value != "" and not isinstance(value, dict | list | bool):
            return True
    return False


def parse(body: bytes) -> Any:
    """The JSON in `body`, repaired where a browser is known to break it. Raises Unreadable(EMPTY | NOT_JSON)."""
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return _parse_leniently(body)


_SURROGATE_BYTES = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def _parse_leniently(body: bytes) -> Any:
    """Real Chromium cuts a sample inside a surrogate pair and sends the half as bytes; WebKit sends it as an escape."""
    text = _SURROGATE_BYTES.sub("\ufffd".encode(), body).decode("utf-8-sig", "replace").strip()
    if not text:
        raise Unreadable(Reason.EMPTY)
    try:
        return _without_surrogates(_lenient(text))
    except (ValueError, RecursionError) as error:
        raise Unreadable(Reason.NOT_JSON) from error


def _integer(digits: str) -> float:
    """Bounded work for numbers of any length: those of more than 19 digits are no line, no column and no age."""
    return int(digits) if len(digits) < 20 else float("inf")


def _number(digits: str) -> float:
    return float(digits) if len(digits) <= 32 else float("inf")


def _no_number(_name: str) -> None:
    return None


# Made once: to make it takes longer than to read most bodies.
_lenient = json.JSONDecoder(strict=False, parse_int=_integer, parse_float=_number, parse_constant=_no_number).decode


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value
