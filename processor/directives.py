"""The directive a report names, as one bare lower-case word (rules 9 and 10)."""

import re

from processor.text import storable
from processor.tokens import text_without_tokens
from schema.names import DIRECTIVES

LONGEST = 64  # characters

KNOWN = DIRECTIVES
_NAME = re.compile(rf"[^\s;,?#@=&%\x00-\x1f\x7f-\x9f]{{1,{LONGEST}}}")
# Firefox before 23 names the rule of its own draft: "inline script base restriction", "eval script base restriction".
_BASE_RESTRICTION = re.compile(r"(?:inline|eval|code|dynamic)\b[a-z ]{0,40} base restriction", re.IGNORECASE)


def directive(effective: str, violated: str) -> str:
    """`effective` if it is a known name, else `violated`; an unknown name where neither is known."""
    first = _name(effective)
    if first in KNOWN:
        return first
    second = _name(violated)
    return second if second in KNOWN or not first else first


def _name(text: str) -> str:
    if text in KNOWN:
        return text
    text = text.lstrip()
    if _BASE_RESTRICTION.match(text):
        return "script-src"
    found = _NAME.match(text)
    if not found:
        return ""
    # What stands here by mistake: a URL is cut before its secrets, and a secret alone taken out.
    name = text_without_tokens(found[0].partition("//")[0])
    return storable(name.lower()[:LONGEST], 4 * LONGEST)
