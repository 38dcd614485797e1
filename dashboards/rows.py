"""The row of an answer: every field of a violation, summed over whatever is grouped; for the API and exports."""

from typing import Any

from clickhouse_connect.driver.client import Client

from dashboards.clients import ask
from dashboards.filters import Where

# These may differ between the reports of one fingerprint: the newest's is shown, whatever is merged already.
_NEWEST = ("policy_hash", "noise", "noise_rule", "noise_version", "verdict", "verdict_reason")
_EXAMPLES = (
    "site", "document_url", "document_host", "referrer", "effective_directive", "blocked_url", "blocked_host",
    "blocked_site", "blocked_kind", "disposition", "source_file", "line_number", "column_number", "status_code",
    "sample", "browser", "browser_version", "os", "user_agent", "trust", "trust_reasons", "signature", "environment",
    "document_template", "blocked_template",
)  # fmt: skip
_SUMMED = {
    "window": "toUnixTimestamp(min(window))",  # s
    "reports": "sum(reports)",
    "first_seen": "toUnixTimestamp64Milli(min(first_seen))",  # ms
    "last_seen": "toUnixTimestamp64Milli(max(last_seen))",
}
# The order of the contract.
FIELDS = (
    "site", "window", "fingerprint", "reports", "first_seen", "last_seen", "document_url", "document_host", "referrer",
    "effective_directive", "blocked_url", "blocked_host", "blocked_site", "blocked_kind", "disposition", "source_file",
    "line_number", "column_number", "status_code", "sample", "original_policy", "policy_hash", "browser",
    "browser_version", "os", "user_agent", "noise", "noise_rule", "noise_version", "verdict",
    "verdict_reason", "trust", "trust_reasons", "signature", "environment", "document_template", "blocked_template",
)  # fmt: skip
STORED = tuple(name for name in FIELDS if name != "original_policy")  # its text has a table of its own


def sum_of(name: str) -> str:
    if name == "fingerprint":
        return "lower(hex(fingerprint))"
    if name in _NEWEST:
        return f"argMax({name}, (last_seen, noise, policy_hash, verdict))"
    return f"any({name})" if name in _EXAMPLES else _SUMMED[name]


SUMS = ", ".join(sum_of(name) for name in STORED)
"""The columns of a query that groups by fingerprint, in the order of STORED."""

_POLICIES = """
SELECT policy_hash, any(original_policy) FROM policies WHERE policy_hash IN {hashes:Array(String)} GROUP BY policy_hash
"""


def policies(client: Client, hashes: set[str]) -> dict[str, str]:
    """The texts of policies, by hash."""
    wanted = sorted(hashes - {""})
    return dict(ask(client, _POLICIES, Where("", {}), hashes=wanted)) if wanted else {}


def item(row: tuple[Any, ...], texts: dict[str, str]) -> dict[str, Any]:
    """One violation by field, in the contract's order; times still as numbers."""
    found = dict(zip(STORED, row, strict=True))
    found["original_policy"] = texts.get(found["policy_hash"], "")
    return {name: found[name] for name in FIELDS}
