"""Where a source, or what a policy blocks, leads to."""

from typing import Any
from urllib.parse import urlencode

from dashboards.periods import EVER
from schema.names import BLOCKED_KINDS


def addresses(its: dict[str, Any]) -> dict[str, str]:
    """`address`: of its violations at any time; `decide`: where it is decided upon. `its`: directive, blocked, site."""
    name = "blocked_kind" if its["blocked"] in BLOCKED_KINDS else "blocked_host"
    same = ({"site": its["site"]} if "site" in its else {}) | {"directive": its["directive"]}
    return {
        "address": "/violations?" + urlencode(same | {name: its["blocked"], "from": EVER}),
        "decide": "/sources?" + urlencode(same | _words(its["blocked"], name) | {"state": "all", "noise": "all"}),
    }


def _words(blocked: str, name: str) -> dict[str, str]:
    if name == "blocked_kind":
        return {name: blocked}
    return {"q": blocked} if any(char.isalnum() and char.isascii() for char in blocked) else {}
