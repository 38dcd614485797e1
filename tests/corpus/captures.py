"""The captured reports as the collector would have taken them, and what is expected of each.

`python -m tests.corpus.captures` writes `expected.jsonl` again. Read its diff line by line: it is the review.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from processor.normalise import normalise
from schema.delivery import Delivery, Kind
from schema.report import EntryKind, count, entries
from schema.sites import Site
from schema.violation import Violation

HERE = Path(__file__).parent
EXPECTED = HERE / "expected.jsonl"
RECEIVED_MS = 1_793_577_600_000  # any moment: expectations hold no times
_LEFT_OUT = {"window", "first_seen", "last_seen", "site", "reports", "trust", "original_policy", "noise_version"}
_LONG = 160


class Capture(NamedTuple):
    """`name` is file and line; `of` is the line itself: browser, case, mechanism and so on."""

    name: str
    of: dict[str, Any]
    body: bytes
    user_agent: str
    content_type: str

    def delivery(self) -> Delivery:
        return Delivery(RECEIVED_MS, "default", Kind.REPORTS, count(self.body), self.user_agent.encode(), self.body)

    def violations(self, site: Site | None = None) -> list[Violation]:
        delivery = self.delivery()
        return [
            normalise(entry, delivery, site or Site())
            for entry in entries(self.body)
            if entry.kind is EntryKind.VIOLATION
        ]


def captures(year: str) -> Iterator[Capture]:
    """Of `2015` or `2026`, in the file's order."""
    for number, line in enumerate((HERE / f"captures-{year}.jsonl").read_text().splitlines(), start=1):
        of = json.loads(line)
        body = base64.b64decode(of["body_b64"]) if "body_b64" in of else of["body"].encode()
        headers = of.get("headers", {})
        agent = of.get("user_agent", headers.get("user-agent", ""))
        yield Capture(f"{year}:{number}", of, body, agent, of.get("content_type", headers.get("content-type", "")))


def all_captures() -> list[Capture]:
    return [*captures("2015"), *captures("2026")]


def outcome(capture: Capture) -> dict[str, Any]:
    """What became of one capture: without times, and without what is empty."""
    found = [entry.type if entry.kind is EntryKind.OTHER else entry.kind.name for entry in entries(capture.body)]
    rows = [_row(violation, capture.user_agent) for violation in capture.violations()]
    return {"capture": capture.name, "entries": found, "violations": rows}


def policies() -> dict[str, str]:
    """The text of each policy once, by its hash."""
    found = {row.policy_hash: row.original_policy for capture in all_captures() for row in capture.violations()}
    return {key: found[key] for key in sorted(found) if key}


def _row(violation: Violation, user_agent: str) -> dict[str, Any]:
    row = {name: value for name, value in msgspec.structs.asdict(violation).items() if value and name not in _LEFT_OUT}
    row["fingerprint"] = violation.fingerprint.hex()
    if violation.user_agent == user_agent:
        del row["user_agent"]
    return {name: _short(value) if isinstance(value, str) else value for name, value in row.items()}


def _short(text: str) -> str:
    """Long URLs are one letter over and over."""
    return text if len(text) <= _LONG else f"{text[:_LONG]} and {len(text) - _LONG} more"


def main() -> None:
    rows = [outcome(capture) for capture in all_captures()]
    rows += [{"policy": key, "text": text} for key, text in policies().items()]
    EXPECTED.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows))


if __name__ == "__main__":
    main()
