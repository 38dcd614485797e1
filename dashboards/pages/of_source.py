"""Where a source, or what a policy blocks, leads to."""

from typing import Any
from urllib.parse import urlencode

from dashboards.periods import EVER
from schema.names import BLOCKED_KINDS


def addresses(its: dict[str, Any]) -> dict[str, str]:
    """`address`: of its violations at any time; `decide`: where it is decided upon.

    `its`: directive, blocked, perhaps site.
    """
    name = "blocked_kind" if its["blocked"] in BLOCKED_KINDS else "blocked_host"
    same = {field: its[field] for field in ("site", "directive") if field in its} | {name: its["blocked"]}
    return {
        "address": "/violations?" + urlencode(same | {"from": EVER}),
        "decide": "/sources?" + urlencode(same | {"state": "all", "noise": "all"}),
    }
