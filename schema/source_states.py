"""What people decided about sources: a row of `source_states` each time, and a source's last one counts."""

from schema.source_trust import NAMES

STATES = ("new", "known", "ignored")  # new again is as if nobody had decided
DECIDED = ("known", "ignored")  # which SQL writes in the same way
LAST_STATE = "argMax(toString(state), changed)"
"""SQL, of the rows of one source."""


def decided(shown: str = NAMES) -> str:
    """SQL: the sources that somebody decided upon."""
    return f"""
    SELECT {shown} FROM source_states
    GROUP BY {NAMES} HAVING {LAST_STATE} IN {DECIDED}
"""  # noqa: S608  (ours)
