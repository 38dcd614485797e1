"""Overlays broken on purpose: which rule has to see it, in which object, where, and what stands there instead."""

from copy import deepcopy
from typing import Any, NamedTuple

from tests.k8s.objects import Object, says

GONE = object()  # in place of a value: it is taken away
POD = "spec template spec"
CONTAINER = f"{POD} containers 0"


class Broken(NamedTuple):
    """`path`: keys, indexes, or names of items, with blanks between them; "" is the object itself."""

    rule: str
    name: str
    path: str
    value: Any

    def __str__(self) -> str:
        path = self.path.replace(CONTAINER, "container").replace(POD, "pod")
        return f"{self.rule}: {self.name}, {path} {'gone' if self.value is GONE else repr(self.value)[:60]}"

    def of(self, objects: list[Object]) -> list[Object]:
        """A copy of the objects in which this one is broken."""
        if not self.path:
            kept = [made for made in objects if says(made) != self.name]
            assert len(kept) < len(objects), self.name
            return kept if self.value is GONE else [*objects, self.value]
        copies = [deepcopy(made) if says(made) == self.name else made for made in objects]
        (at,) = (made for made in copies if says(made) == self.name)
        *way, last = self.path.split()
        for part in way:
            at = at[_key(at, part)]
        if self.value is GONE:
            del at[_key(at, last)]
        elif isinstance(at, list) and last == "-":
            at.append(self.value)
        else:
            at[_key(at, last)] = self.value
        return copies


def _key(at: Any, part: str) -> Any:
    if not isinstance(at, list):
        return part
    return int(part) if part.isdigit() else next(index for index, item in enumerate(at) if item.get("name") == part)
