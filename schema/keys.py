"""What the table of violations keeps apart, and how its rows are read whatever is merged already."""

KEY = ("site", "window", "fingerprint", "policy_hash", "noise", "verdict")
# Labels are changed by a negative row beside the old one: where its reports sum up to none, a key is not there.
LIVE = "HAVING sum(reports) > 0"

# `judged` is trust, signature, environment and reasons in one text (0007): those that go with the highest trust.
_JUDGED = "splitByChar(',', max(judged))"
_FOLDED = {
    "reports": "sum(reports)",
    "left_out": "sum(left_out)",
    "first_seen": "min(first_seen)",
    "last_seen": "max(last_seen)",
    "trust": "max(trust)",
    "signature": f"{_JUDGED}[2]",
    "environment": f"{_JUDGED}[3]",
    "trust_reasons": f"{_JUDGED}[4]",
}


def of_key(name: str) -> str:
    """A column of a query that groups by KEY."""
    if name in {"noise_rule", "noise_version"}:
        # What was labelled last corrects the others. Stores of before have corrections without that time.
        return f"argMax({name}, (labelled, reports = 0, noise_version))"
    return name if name in KEY else _FOLDED.get(name, f"any({name})")


POLICY_TEXTS = """
SELECT policy_hash, any(original_policy) FROM policies WHERE policy_hash IN {hashes:Array(String)} GROUP BY policy_hash
"""
"""The texts of policies, by hash."""

# What the table `minutes` counts by, beside site and minute.
COUNTED_BY = "effective_directive, document_host, blocked_host, blocked_kind, disposition, browser, noise, verdict"
