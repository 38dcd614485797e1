"""Rows of our own export, read back as violations (`csp-sentinel import`)."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from processor.policy import without_tokens
from processor.templates import template
from processor.tokens import text_without_tokens
from schema.delivery import MOST_COUNT
from schema.violation import WINDOW_SECONDS, Violation

# What the columns hold; a row outside is refused here, because the store would refuse the whole batch.
_LIMITS = {
    "line_number": 2**32 - 1,
    "column_number": 2**32 - 1,
    "status_code": 2**16 - 1,
    "trust": 255,
    "reports": MOST_COUNT,
    "window": 2**32 - 1,
    "first_seen": (2**32 - 1) * 1000,
    "last_seen": (2**32 - 1) * 1000,
}


def exported(line: bytes) -> Violation:
    """Raises ValueError where the row is none of ours."""
    try:
        row = msgspec.json.decode(line)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(row, dict):
        raise ValueError("not an object")
    row["first_seen"], row["last_seen"] = _ms(row.get("first_seen")), _ms(row.get("last_seen"))
    row["window"] = _ms(row.get("window")) // 1000 // WINDOW_SECONDS * WINDOW_SECONDS
    row["fingerprint"] = bytes.fromhex(str(row.get("fingerprint")))
    row.setdefault("noise_rule", "")
    row["left_out"] = _left_out(row)
    _clean(row)
    violation = msgspec.convert(row, Violation)
    for name, most in _LIMITS.items():
        if not 0 <= getattr(violation, name) <= most:
            raise ValueError(f"{name} is out of range")
    if len(violation.fingerprint) != 16:
        raise ValueError("fingerprint is not 32 hex digits")
    return violation


def _left_out(row: dict[str, Any]) -> float:
    """An older version doesn't say what a row stands for: for itself."""
    reports, estimated = row.get("reports"), row.pop("estimated", None)
    if estimated is None or not isinstance(reports, int):
        return 0.0
    if not isinstance(estimated, int | float) or not reports <= estimated <= MOST_COUNT:
        raise ValueError("estimated is out of range")
    return float(estimated - reports)


def _clean(row: dict[str, Any]) -> None:
    """An older version left secrets in paths, and made no templates."""
    for name in ("document_url", "blocked_url", "referrer", "source_file", "sample", "original_policy"):
        if isinstance(row.get(name), str):
            row[name] = without_tokens(row[name]) if name == "original_policy" else text_without_tokens(row[name])
    for name in ("document", "blocked"):
        if f"{name}_template" not in row:
            row[f"{name}_template"] = template(str(row.get(f"{name}_url")))


def _ms(time: Any) -> int:
    if not isinstance(time, str):
        raise ValueError("a time is missing")
    found = datetime.fromisoformat(time)
    return round(found.replace(tzinfo=found.tzinfo or UTC).timestamp() * 1000)
