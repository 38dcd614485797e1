"""The closed lists of the violation's fields, for whoever checks what a person writes of them."""

# CSP1 to CSP3 with their extensions, and the drafts and Firefox's own of before 2013.
_DIRECTIVES = """
    default-src script-src script-src-elem script-src-attr style-src style-src-elem style-src-attr img-src font-src
    connect-src media-src object-src frame-src child-src worker-src manifest-src prefetch-src fenced-frame-src
    base-uri form-action frame-ancestors navigate-to plugin-types sandbox report-uri report-to webrtc
    trusted-types require-trusted-types-for upgrade-insecure-requests block-all-mixed-content require-sri-for
    reflected-xss referrer script-nonce frame-options policy-uri allow options xhr-src
"""
DIRECTIVES = frozenset(_DIRECTIVES.split())
BLOCKED_KINDS = (
    "url", "self", "inline", "eval", "wasm-eval", "trusted-types", "data", "blob", "filesystem", "about",
    "extension", "browser", "empty", "other",
)  # fmt: skip
# Those whose sample is part of what tells two violations apart. Old Firefox says `self` for inline and eval alike.
BY_SAMPLE = ("eval", "wasm-eval", "inline", "self", "trusted-types")
NOISE = ("extension", "injected", "browser", "foreign", "malformed")
# What alerts tell of; a name is stored and shown: add some, rename none.
ALERT_KINDS = ("new-source", "returned", "spike", "silence", "new-policy", "flood")
EVIDENCE_TIMES = ("first_seen", "last_seen", "since", "decided")  # of what alerts tell, in ms


def field_of_blocked(blocked: str) -> str:
    """The field that holds what was blocked, where hosts and kinds stand side by side."""
    return "blocked_kind" if blocked in BLOCKED_KINDS else "blocked_host"
