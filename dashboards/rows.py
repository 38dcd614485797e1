"""The fields of a violation, and how a row of those that are asked for is summed by fingerprint."""

from collections.abc import Collection, Iterable
from typing import Any

from clickhouse_connect.driver.client import Client

from dashboards.clients import ask
from dashboards.estimates import Count
from dashboards.relations import KEY, of_key
from schema.keys import LIVE, POLICY_TEXTS

# These may differ between the reports of one fingerprint: the newest's is shown, whatever is merged already.
_NEWEST = ("policy_hash", "noise", "noise_rule", "noise_version", "verdict", "verdict_reason")
_NEWEST_BY = ("last_seen", "noise", "policy_hash", "verdict")
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
# What is counted, and what labels say; all else are texts, which follow from the fingerprint or are one of many.
COUNTED = {
    "site", "window", "fingerprint", "reports", "first_seen", "last_seen", "policy_hash", "noise", "noise_rule",
    "noise_version", "verdict", "verdict_reason", "trust", "trust_reasons", "signature", "environment", "left_out",
}  # fmt: skip


# The text of the policy has a table of its own; what is estimated is more than there are reports.
_MADE_OF = {"original_policy": ("policy_hash",), "estimated": ("reports", "left_out")}


def stored(fields: Iterable[str]) -> tuple[str, ...]:
    """The columns they are made of, each once, and the fingerprint."""
    columns = (column for name in fields for column in _MADE_OF.get(name, (name,)))
    return tuple(dict.fromkeys((*columns, "fingerprint")))


STORED = stored(FIELDS)


def _of_fingerprint(name: str) -> str:
    if name in _NEWEST:
        return f"argMax(of_{name}, ({', '.join(f'of_{by}' for by in _NEWEST_BY)}))"
    return _SUMMED.get(name, f"any(of_{name})")


def sums(names: Iterable[str]) -> str:
    """A row a fingerprint: these of STORED, and the last window of its rows (s)."""
    inner = dict.fromkeys(("fingerprint", *_NEWEST_BY, *names))
    return f"""
SELECT {", ".join(map(_of_fingerprint, names))}, toUnixTimestamp(max(of_bucket))
FROM (
    SELECT {", ".join(f"{of_key(name)} AS of_{name}" for name in inner)}, any(bucket) AS of_bucket
    FROM {{rows}}
    GROUP BY {", ".join(KEY)}
    {LIVE}
)
GROUP BY of_fingerprint
"""  # noqa: S608  (columns of ours)


def policy_texts(client: Client, hashes: set[str]) -> dict[str, str]:
    """The texts of policies, by hash."""
    wanted = sorted(hashes - {""})
    return dict(ask(client, POLICY_TEXTS, hashes=wanted)) if wanted else {}


def item(found: dict[str, Any], fields: Collection[str], texts: dict[str, str]) -> dict[str, Any]:
    """One violation by field, in the order of `fields`; times still as numbers.

    `found` has what is `stored` of them, `texts` those of policies by hash.
    """
    whole = dict(found)
    if "estimated" in fields:
        whole |= Count(found["reports"], found["left_out"]).fields()
    if "original_policy" in fields:
        whole["original_policy"] = texts.get(found["policy_hash"], "")
    return {name: whole[name] for name in fields}
