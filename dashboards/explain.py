"""Why a violation's verdict is what it is, in a sentence: its own policy is asked again, as the processor asked it."""

from typing import Any

from csp.match import Request, decide
from csp.policy import parse_list
from schema.verdicts import REASONS

# Then there is nothing to ask the policy.
_UNASKED = frozenset({"no-policy", "truncated", "directive-unknown", "not-named", "unreadable", "misfit"})
_CODE = {
    "inline": Request(inline=True, parser_inserted=True),
    "self": Request(inline=True, parser_inserted=True),
    "eval": Request(eval=True),
    "wasm-eval": Request(wasm=True),
}


def explanation(violation: dict[str, Any]) -> str:
    """Of a violation by field, with its policy's text; empty where there is no verdict."""
    if not violation["verdict"]:
        return ""
    reason = violation["verdict_reason"]
    if reason in _UNASKED:
        return REASONS[reason]
    blocked = violation["blocked_url"]
    request = _CODE.get(violation["blocked_kind"]) or Request(
        url=blocked if ":" in blocked else f"{blocked}:x",
        ancestors=(blocked,),
        parser_inserted=True,
        text=violation["sample"] if violation["blocked_kind"] == "trusted-types" else "",
    )
    policies = parse_list(violation["original_policy"])
    why = decide(policies, violation["document_url"], violation["effective_directive"], request).why
    return f"{why}: {REASONS[reason]}" if violation["verdict"] == "undecidable" else why
