"""How to see a violation again: the question for `csp-sentinel match`, and a page that does what was blocked.

Both are made of what a stranger sent, and both are to be pasted: into a shell, and into a file that a browser opens.
"""

import json
import shlex
from typing import Any

import msgspec

from csp.policy import parse_list
from csp.reported import Reported, as_reported, requests
from csp.verdict import judge

_LONGEST = 8192  # characters of a policy
_ELEMENTS = {
    "script-src": '<script src="{url}"></script>',
    "script-src-elem": '<script src="{url}"></script>',
    "style-src": '<link rel="stylesheet" href="{url}">',
    "style-src-elem": '<link rel="stylesheet" href="{url}">',
    "img-src": '<img src="{url}" alt="">',
    "media-src": '<video src="{url}" controls></video>',
    "frame-src": '<iframe src="{url}" title="blocked"></iframe>',
    "child-src": '<iframe src="{url}" title="blocked"></iframe>',
    "object-src": '<object data="{url}"></object>',
    "manifest-src": '<link rel="manifest" href="{url}">',
    "form-action": '<form action="{url}"><button>Send</button></form>',
    "base-uri": '<base href="{url}">',
}
_INLINE = {
    "script-src": "<script>{code}</script>",
    "script-src-elem": "<script>{code}</script>",
    "script-src-attr": '<button onclick="{attribute}">Click</button>',
    "style-src": "<style>{code}</style>",
    "style-src-elem": "<style>{code}</style>",
    "style-src-attr": '<p style="{attribute}">Styled</p>',
}


def reported(violation: dict[str, Any], policy: str | None = None) -> Reported:
    """Of a violation by field, as for its verdict; `policy`: instead of its own."""
    policy = violation["original_policy"] if policy is None else policy
    return Reported(
        policy if violation["disposition"] == "enforce" else as_reported(policy), violation["effective_directive"],
        violation["blocked_kind"], violation["blocked_url"], violation["document_url"], violation["sample"],
    )  # fmt: skip


def decides(violation: dict[str, Any], policy: str) -> str:
    """The directive of `policy` that blocks it; empty where none does, or nobody can tell."""
    if len(policy) > _LONGEST:
        return ""
    dispositions = [violation["disposition"]] if violation["disposition"] else ["report", "enforce"]
    found = [judge(reported({**violation, "disposition": its}, policy)) for its in dispositions]
    return found[0].reason if all(its.verdict == "consistent" for its in found) else ""


def question(violation: dict[str, Any]) -> str:
    """A line for a POSIX shell; empty where there is nothing to ask. ASCII: other characters are escaped in JSON."""
    its = reported(violation)
    asked = requests(its)
    if not asked or not parse_list(its.policy):
        return ""
    defaults = msgspec.structs.asdict(type(asked[0])())
    given = {name: value for name, value in msgspec.structs.asdict(asked[0]).items() if value != defaults[name]}
    line = json.dumps({"policy": its.policy, "document": its.document, "directive": its.directive, "request": given})
    return f"printf '%s\\n' {shlex.quote(line)} | .venv/bin/csp-sentinel match"  # echo would read the backslashes


def page(violation: dict[str, Any]) -> str:
    """An HTML page under the policies, which does the same; empty where no element alone does."""
    kind, directive = violation["blocked_kind"], violation["effective_directive"]
    policies = parse_list(reported(violation).policy)
    if not policies:
        return ""
    if kind == "inline":
        code = violation["sample"] or "/* something inline */"
        element = _INLINE.get(directive, "").format(code=_code(code), attribute=attribute(code))
    else:
        element = _ELEMENTS.get(directive, "").format(url=attribute(violation["blocked_url"]))
        element = element if violation["blocked_host"] else ""
    if not element:
        return ""
    under = "\n".join(
        f'<meta http-equiv="Content-Security-Policy" content="{attribute(str(its))}">' for its in policies
    )
    return f"""<!doctype html>
<meta charset="utf-8">
<title>What was blocked</title>
{under}
{element}"""


def attribute(text: str) -> str:
    """For between double quotes in HTML: what is more than a letter, a digit or plain punctuation is a reference."""
    return "".join(char if char in _PLAIN else f"&#{ord(char)};" for char in text if char != "\x00")


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:;/-_*'?=%+~@!#$()[]|")


def _code(text: str) -> str:
    """Inline code that can't end its element; in scripts and in sheets a backslash changes nothing there."""
    return text.replace("</", "<\\/").replace("<!--", "<\\!--").replace("\x00", "")
