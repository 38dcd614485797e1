"""What differs between two headers, by policy, by directive and by source expression."""

from collections.abc import Mapping
from itertools import zip_longest
from typing import NamedTuple

from csp.policy import parse, parse_list

Named = Mapping[str, tuple[str, ...]]


class Changed(NamedTuple):
    """A directive. `how`: added, removed, changed, same or reordered."""

    name: str
    how: str
    kept: list[str]
    added: list[str]
    removed: list[str]


def diff(before: str, after: str) -> list[list[Changed]]:
    """Of two headers' values: the first policy of one against the first of the other, and so on."""
    none = parse("")
    pairs = zip_longest(parse_list(before), parse_list(after), fillvalue=none)
    return [_differences(first.values, second.values) for first, second in pairs]


def _differences(first: Named, second: Named) -> list[Changed]:
    """In the order of the second; what only the first has is at the end."""
    return [_changed(name, first, second) for name in (*second, *(name for name in first if name not in second))]


def _changed(name: str, first: Named, second: Named) -> Changed:
    old, new = first.get(name, ()), second.get(name, ())
    known, wanted = set(old), set(new)
    how = "added" if name not in first else "removed" if name not in second else "same" if old == new else "changed"
    if how == "changed" and known == wanted:
        how = "reordered"
    return Changed(
        name,
        how,
        [value for value in new if value in known],
        [value for value in new if value not in known],
        [value for value in old if value not in wanted],
    )
