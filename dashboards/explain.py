"""Why a violation's verdict is what it is, in a sentence: its own policy is asked again, as it was for the verdict."""

from typing import Any

from csp.match import decide
from csp.policy import parse_list
from csp.reported import Reported, requests
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
    reported = Reported(
        violation["original_policy"],
        violation["effective_directive"],
        violation["blocked_kind"],
        violation["blocked_url"],
        violation["document_url"],
        violation["sample"],
    )
    asked = requests(reported)
    if not asked:
        return said
    why = decide(parse_list(reported.policy), reported.document, reported.directive, asked[0]).why
    return f"{why}: {said}" if said and violation["verdict"] == "undecidable" else why
