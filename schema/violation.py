"""A violation: one report normalised, and the row of the store. Field names are a contract (CSP3's, in snake_case)."""

from collections.abc import Callable

import msgspec

WINDOW_SECONDS = 600  # equal fingerprints fold within a window
WEEK_SECONDS = 7 * 86400  # the store's tables are partitioned by it
FIRST_MONDAY = 4 * 86400  # s since the epoch, 1970-01-05: where a week begins
LEAST_TRUST = 50  # a source below it is shown, but raises no alert and feeds no suggestion by itself
# The texts that may be long: nearly all that a large row takes.
LONG_TEXTS = (
    "document_url", "referrer", "blocked_url", "source_file", "sample", "user_agent", "document_template",
    "blocked_template",
)  # fmt: skip


class Violation(msgspec.Struct, gc=False):  # nothing in it refers to others
    """`window` in s, `first_seen` and `last_seen` in ms, all since the epoch, UTC; `fingerprint` 16 bytes."""

    site: str
    window: int
    fingerprint: bytes
    document_url: str
    document_host: str
    referrer: str
    effective_directive: str
    blocked_url: str
    blocked_host: str
    blocked_site: str
    blocked_kind: str
    disposition: str
    source_file: str
    line_number: int
    column_number: int
    status_code: int
    sample: str
    original_policy: str
    policy_hash: str  # 16 hex digits; empty without a policy
    browser: str
    browser_version: str
    os: str
    user_agent: str
    noise: str
    noise_rule: str
    first_seen: int
    last_seen: int
    reports: int = 1
    verdict: str = ""
    verdict_reason: str = ""
    trust: int = 100
    trust_reasons: str = ""  # what took from it, names joined by blanks
    noise_version: str = ""  # of the rules
    signature: str = ""  # of the report URL: valid, missing, invalid, expired; empty where the site signs none
    environment: str = ""  # that a valid signature names
    document_template: str = ""  # document_url, blocked_url with their ids and numbers replaced
    blocked_template: str = ""
    left_out: float = 0.0  # more reports that `reports` stand for: by sampling, and by the site's rate limit

    @property
    def estimated(self) -> float:
        return self.reports + self.left_out


copied: Callable[[Violation], Violation] = Violation.__copy__  # type: ignore[attr-defined]
"""copy.copy, which asks what it copies, takes twice the time."""
