"""The row of an answer: every field of a violation, summed over whatever is grouped; for the API and exports."""

from typing import Any

from clickhouse_connect.driver.client import Client

from dashboards.clients import ask
from dashboards.estimates import Count
from dashboards.filters import Where
from dashboards.relations import KEY, of_key
from schema.keys import LIVE, POLICY_TEXTS

# These may differ between the reports of one fingerprint: the newest's is shown, whatever is merged already.
_NEWEST = ("policy_hash", "noise", "noise_rule", "noise_version", "verdict", "verdict_reason")
_SUMMED = {
    "window": "toUnixTimestamp(min(of_window))",  # s
    "fingerprint": "lower(hex(of_fingerprint))",
    "reports": "sum(of_reports)",
    "left_out": "sum(of_left_out)",
    "first_seen": "toUnixTimestamp64Milli(min(of_first_seen))",  # ms
    "last_seen": "toUnixTimestamp64Milli(max(of_last_seen))",
}
# The order of the contract.
FIELDS = (
    "site", "window", "fingerprint", "reports", "first_seen", "last_seen", "document_url", "document_host", "referrer",
    "effective_directive", "blocked_url", "blocked_host", "blocked_site", "blocked_kind", "disposition", "source_file",
    "line_number", "column_number", "status_code", "sample", "original_policy", "policy_hash", "browser",
    "browser_version", "os", "user_agent", "noise", "noise_rule", "noise_version", "verdict",
    "verdict_reason", "trust", "trust_reasons", "signature", "environment", "document_template", "blocked_template",
    "estimated",
)  # fmt: skip
# The text of the policy has a table of its own; what is estimated is more than there are reports.
STORED = tuple("left_out" if name == "estimated" else name for name in FIELDS if name != "original_policy")


# What is counted, and what labels say; all else are texts, which follow from the fingerprint or are one of many.
_COUNTED = (
    "site", "window", "fingerprint", "reports", "first_seen", "last_seen", "policy_hash", "noise", "noise_rule",
    "noise_version", "verdict", "verdict_reason", "trust", "trust_reasons", "signature", "environment", "left_out",
)  # fmt: skip
COUNTED = (*_COUNTED, "last_window")
TEXTS = tuple(name for name in STORED if name not in _COUNTED)


def _of_fingerprint(name: str) -> str:
    if name in _NEWEST:
        return f"argMax(of_{name}, (of_last_seen, of_noise, of_policy_hash, of_verdict))"
    return _SUMMED.get(name, f"any(of_{name})")


def _sums(names: tuple[str, ...], more: str = "") -> str:
    return f"""
SELECT {", ".join(map(_of_fingerprint, names))}{more}
FROM (
    SELECT {", ".join(f"{of_key(name)} AS of_{name}" for name in names)}, any(bucket) AS of_bucket
    FROM {{rows}}
    GROUP BY {", ".join(KEY)}
    {LIVE}
)
GROUP BY of_fingerprint
"""  # noqa: S608  (columns of ours)


SUMS = _sums(STORED)
"""A row a fingerprint, its columns in the order of STORED."""
COUNTS = _sums(_COUNTED, ", toUnixTimestamp(max(of_bucket))")
"""The same of COUNTED."""


def policies(client: Client, hashes: set[str]) -> dict[str, str]:
    """The texts of policies, by hash."""
    wanted = sorted(hashes - {""})
    return dict(ask(client, POLICY_TEXTS, Where("", {}), hashes=wanted)) if wanted else {}


def item(found: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    """One violation by field, in the contract's order; times still as numbers."""
    counted = Count(found["reports"], found["left_out"])
    whole = found | {"original_policy": texts.get(found["policy_hash"], "")} | counted.fields()
    return {name: whole[name] for name in FIELDS}
