"""The answers of the read API, as types: what its description says of them, and what a test holds them to.

Nothing is decoded by them. Times are RFC 3339, counts are of reports where nothing else is said.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from dashboards.rows import FIELDS
from schema.violation import Violation as Stored

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Count = Annotated[int, Meta(ge=0)]
Score = Annotated[int, Meta(ge=0, le=100)]
Next = Annotated[str | None, Meta(description="Take it as `cursor` for the next page; null: this was the last.")]
Fingerprint = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


class Answer(msgspec.Struct, forbid_unknown_fields=True):
    """Has these fields and no others."""


Estimated = Annotated[int, Meta(ge=0, description="Reports, with those that sampling and rate limits left out.")]
_OWN = {"window": Time, "first_seen": Time, "last_seen": Time, "fingerprint": Fingerprint, "estimated": Estimated}
_FIELDS = [(name, _OWN.get(name, Count if Stored.__annotations__.get(name) is int else str)) for name in FIELDS]
# A violation by the contract's fields, summed over the period that was asked for.
Violation = msgspec.defstruct("Violation", _FIELDS, bases=(Answer,), module=__name__)


class Totals(Answer):
    reports: Count
    estimated: Estimated
    violations: Annotated[int, Meta(ge=0, description="Distinct fingerprints.")]
    limited: Annotated[int, Meta(ge=0, description="Left out by rate limits; part of the ledger's `sampled`.")]
    unestimated: Annotated[int, Meta(ge=0, description="Of `sampled` too, and in no estimate: nothing was stored.")]
    rejected: Annotated[dict[str, Count], Meta(description="By reason.")]
    ignored: Annotated[dict[str, Count], Meta(description="By the type of report.")]
    lag_seconds: Annotated[float | None, Meta(description="How far the store is behind; null: unknown.")]


class Violations(Answer):
    items: list[Violation]  # type: ignore[valid-type]
    next: Next


class Point(Answer):
    time: Time
    key: str
    reports: Count
    estimated: Estimated


class Series(Answer):
    step: Annotated[int, Meta(ge=60, description="Seconds.")]
    items: list[Point]


class InBrowser(Answer):
    browser: str
    browser_version: str
    fingerprint: Fingerprint
    reports: Count
    estimated: Estimated


class WithPolicy(Answer):
    policy_hash: str
    original_policy: str
    reports: Count
    estimated: Estimated
    last_seen: Time


OneViolation = msgspec.defstruct(
    "OneViolation",
    [*_FIELDS, ("series", Series), ("browsers", list[InBrowser]), ("policies", list[WithPolicy]),
     ("verdict_explained", str), ("example", str | None)],
    bases=(Answer,), module=__name__,
)  # fmt: skip


class Group(Answer):
    site: str
    effective_directive: str
    document_template: str
    blocked_template: str
    blocked_kind: str
    disposition: str
    reports: Count
    estimated: Estimated
    violations: Count
    pages: Annotated[int, Meta(ge=0, description="Counted to about 2%.")]
    first_seen: Time
    last_seen: Time
    fingerprint: Annotated[Fingerprint, Meta(description="Of its biggest violation.")]


class Groups(Answer):
    items: list[Group]
    next: Next


class Key(Answer):
    key: str
    reports: Count
    estimated: Estimated
    violations: Count


class Top(Answer):
    items: list[Key]


class Minute(Answer):
    site: str
    time: Time
    received: Count
    stored: Count
    retried: Count
    sampled: Count
    foreign: Count
    ignored: dict[str, Count]
    rejected: dict[str, Count]
    balanced: bool


class Ledger(Answer):
    received: Count
    stored: Count
    retried: Count
    sampled: Count
    foreign: Count
    ignored: Annotated[dict[str, Count], Meta(description="By the type of report.")]
    rejected: Annotated[dict[str, Count], Meta(description="By reason.")]
    balanced: Annotated[bool, Meta(description="For every site and minute: received is the sum of all others.")]
    items: list[Minute]


class Source(Answer):
    id: str
    site: str
    directive: str
    blocked: Annotated[str, Meta(description="A host, or a kind where there is none.")]
    blocked_kind: str
    first_seen: Time
    last_seen: Time
    reports: Count
    estimated: Estimated
    pages: Annotated[int, Meta(ge=0, description="Counted to about 2%.")]
    browsers: list[str]
    first_page: str
    noise: bool
    state: str
    note: str
    decided_by: str
    decided_at: Time | None
    trust: Score
    trust_reasons: list[str]
    trusted: bool


class Sources(Answer):
    items: list[Source]
    next: Next


class Problem(Answer):
    """RFC 9457: `detail` is one plain sentence."""

    type: str
    title: str
    status: int
    detail: str
