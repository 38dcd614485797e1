"""What differs between two policies, by directive and by source expression."""

from typing import NamedTuple

from csp.policy import directive, tokens

Named = dict[str, tuple[str, ...]]


class Changed(NamedTuple):
    """A directive. `how`: added, removed, changed, same or reordered."""

    name: str
    how: str
    kept: list[str]
    added: list[str]
    removed: list[str]


def diff(before: str, after: str) -> list[Changed]:
    """Of two texts, in the order of the second; what only the first has is at the end."""
    first, second = _named(before), _named(after)
    return [_changed(name, first, second) for name in (*second, *(name for name in first if name not in second))]


def _named(text: str) -> Named:
    """The first of a name counts."""
    found: Named = {}
    for token in tokens(text):
        name, values = directive(token)
        found.setdefault(name, values)
    return found


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
