"""Everything that holds of an overlay's objects: the schemas, and rules that no schema can hold."""

import inspect
from collections.abc import Callable, Iterator
from functools import cache

from tests.k8s import schemas
from tests.k8s.objects import Object, says
from tests.k8s.rules import (
    network,
    places,
    pods,
    programs,
    references,
    rights,
    routes,
    scaling,
    secrets,
    settings,
    ways,
)

Rule = Callable[[list[Object]], Iterator[str]]


@cache
def rules() -> dict[str, Rule]:
    """Every public function of the rules' files that gives sentences."""
    return {
        name: rule
        for file in (pods, settings, programs, secrets, references, scaling, network, ways, routes, places, rights)
        for name, rule in inspect.getmembers(file, inspect.isgeneratorfunction)
        if rule.__module__ == file.__name__ and not name.startswith("_")
    }


def problems(objects: list[Object]) -> list[str]:
    """A sentence for each thing that is wrong; the rules are asked where the schemas hold."""
    return misshapen(objects) or [said for rule in rules().values() for said in rule(objects)]


def misshapen(objects: list[Object]) -> list[str]:
    return [f"{says(made)}: {problem}" for made in objects for problem in schemas.problems(made)]
