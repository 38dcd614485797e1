"""What an imported value is, by its shape: a row of our export, a capture, go-csp-collector's line, or a bare body."""

import binascii
from base64 import b64decode
from datetime import UTC, datetime
from typing import Any

import msgspec

from processor.exported import exported
from schema.delivery import USER_AGENT_BYTES, Delivery, Kind
from schema.report import Unreadable, count
from schema.sites import LABEL

_EARLIEST_MS = 946_684_800_000  # the year 2000: what is earlier is no time of a report
_DAY_MS = 86_400_000  # clocks may differ, but not by more
_TIMES = ("received_ms", "timestamp", "time", "@timestamp")
# What go-csp-collector logs with --output-format json (its handlers csp.go and report_api_csp.go). Not taken over:
# client_ip, because client addresses are stored nowhere; path and metadata, which no browser sent.
_GO_FIELDS = (
    "document_uri", "referrer", "blocked_uri", "violated_directive", "effective_directive", "original_policy",
    "disposition", "script_sample", "status_code", "source_file", "line_number", "column_number",
)  # fmt: skip
_GO_MARKS = ("document_uri", "blocked_uri", "violated_directive")
_GO_NETWORK_MARKS = {"phase", "sampling_fraction", "elapsed_time"}  # its other lines (nel.go)


class Unusable(Exception):
    """Why no delivery comes of a value."""


def shape(found: Any) -> str:
    """`row`, `capture`, `go`, or nothing: then it can only be a body as a browser sends it."""
    if not isinstance(found, dict):
        return ""
    if "fingerprint" in found and "reports" in found:
        return "row"
    if isinstance(found.get("body"), str) or isinstance(found.get("body_b64"), str):
        return "capture"
    wrapped = "csp-report" in found or "body" in found
    return "go" if not wrapped and any(name in found for name in _GO_MARKS) else ""


def delivery(found: Any, raw: bytes, site: str, now_ms: int) -> Delivery:
    """`raw`: the value's own bytes, empty where it was part of a list. Raises Unusable."""
    form = shape(found)
    if form == "row":
        return _row(found, site, now_ms)
    if isinstance(found, dict) and found.keys() >= _GO_NETWORK_MARKS:
        raise Unusable("a network error, no violation of a policy")
    body = {"capture": _captured, "go": _wrapped}[form](found) if form else raw or msgspec.json.encode(found)
    try:
        reports = count(body)
    except Unreadable as error:
        raise Unusable(f"no report in it ({error.reason.value})") from error
    if not reports:
        raise Unusable("an empty list")
    around = found if isinstance(found, dict) else {}
    return Delivery(
        received_ms=_time(around, now_ms),
        site=_site(around if form else {}, site),
        kind=Kind.REPORTS,
        count=reports,
        user_agent=_user_agent(around),
        body=body,
    )


def _row(found: dict[str, Any], site: str, now_ms: int) -> Delivery:
    site = _site(found, site)
    body = msgspec.json.encode(found | {"site": site})
    try:
        violation = exported(body)
    except ValueError as error:
        raise Unusable(f"a row of an export, but {str(error)[:200]!r}") from error
    if violation.reports < 1:
        raise Unusable("a row of an export without reports")
    received_ms = _sane(violation.last_seen, now_ms)
    return Delivery(received_ms, site, Kind.VIOLATION, violation.reports, b"", body)


def _captured(found: dict[str, Any]) -> bytes:
    """The exact text, or the exact bytes where they are no text."""
    if isinstance(found.get("body"), str):
        return str(found["body"]).encode()
    try:
        return b64decode(found["body_b64"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unusable("body_b64 isn't base64") from error


def _wrapped(found: dict[str, Any]) -> bytes:
    report = {name.replace("_", "-"): found[name] for name in _GO_FIELDS if name in found}
    # Legacy reports came in at a path of their own when they were report-only; only this flag remembers it.
    if not report.get("disposition") and found.get("report_only") is True:
        report["disposition"] = "report"
    return msgspec.json.encode({"csp-report": report})


def _site(found: dict[str, Any], otherwise: str) -> str:
    site = found.get("site")
    if site is None:
        return otherwise
    if not isinstance(site, str) or not LABEL.fullmatch(site):
        raise Unusable("its site is no label: lower-case letters, digits and hyphens, at most 63")
    return site


def _user_agent(found: dict[str, Any]) -> bytes:
    """From the value itself, or from the request's headers, whatever their case."""
    headers = found.get("headers")
    among = [found, headers] if isinstance(headers, dict) else [found]
    for fields in among:
        for name, text in fields.items():
            if name.lower().replace("-", "_") == "user_agent" and isinstance(text, str):
                return text.encode()[:USER_AGENT_BYTES]
    return b""


def _time(found: dict[str, Any], now_ms: int) -> int:
    for name in _TIMES:
        time = found.get(name)
        if isinstance(time, str):
            return _sane(_parsed(time), now_ms)
        if isinstance(time, int | float) and not isinstance(time, bool):
            return _sane(time if abs(time) > 1e11 else time * 1000, now_ms)  # up to the year 5138 these are seconds
    return now_ms


def _parsed(time: str) -> float:
    """Milliseconds; without a zone it is UTC. 0 where it is no ISO 8601 (RFC 3339 among them)."""
    try:
        found = datetime.fromisoformat(time.strip())
        return found.replace(tzinfo=found.tzinfo or UTC).timestamp() * 1000
    except (ValueError, OverflowError):
        return 0


def _sane(ms: float, now_ms: int) -> int:
    return int(ms) if _EARLIEST_MS <= ms <= now_ms + _DAY_MS else now_ms
