"""Where a source, or what a policy blocks, leads to."""

from typing import Any
from urllib.parse import urlencode

from dashboards.periods import EVER
from schema.names import field_of_blocked

_LONGEST = 1000  # characters; what is longer is no host, and too much for an address


def addresses(its: dict[str, Any]) -> dict[str, str]:
    """`address`: of its violations at any time; `decide`: where it is decided upon.

    `its`: directive, blocked, perhaps site.
    """
    same: dict[str, str] = {field: its[field] for field in ("site", "directive") if field in its}
    if len(its["blocked"]) <= _LONGEST:
        same[field_of_blocked(its["blocked"])] = its["blocked"]
    return {
        "address": "/violations?" + urlencode(same | {"from": EVER}),
        "decide": "/sources?" + urlencode(same | {"state": "all", "noise": "all"}),
    }
