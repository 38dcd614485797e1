"""Why a violation's verdict is what it is, in a sentence: its own policy is asked again, as it was for the verdict."""

from typing import Any

from csp.match import decide
from csp.policy import parse_list
from csp.reported import requests
from dashboards.reproduce import reported
from schema.verdicts import REASONS

# Then there is nothing to ask the policy.
_UNASKED = frozenset({"no-policy", "truncated", "directive-unknown", "not-named", "unreadable", "misfit"})


def explanation(violation: dict[str, Any]) -> str:
    """Of a violation by field, with its policy's text; empty where there is no verdict."""
    if not violation["verdict"]:
        return ""
    reason = violation["verdict_reason"]
    said = REASONS.get(reason, "")  # a newer version's processors may have more of them
    if reason in _UNASKED:
        return said
    its = reported(violation)
    asked = requests(its)
    if not asked:
        return said
    why = decide(parse_list(its.policy), its.document, its.directive, asked[0]).why
    return f"{why}: {said}" if said and violation["verdict"] == "undecidable" else why
