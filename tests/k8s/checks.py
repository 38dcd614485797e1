"""Everything that holds of an overlay's objects: the schemas, and rules that no schema can hold."""

import inspect
from collections.abc import Callable, Iterator

from tests.k8s import schemas
from tests.k8s.objects import Object, says
from tests.k8s.rules import network, places, pods, references, scaling, settings

Rule = Callable[[list[Object]], Iterator[str]]


def rules() -> list[Rule]:
    """Every public function of the rules' files that gives sentences."""
    return [
        rule
        for file in (pods, settings, references, scaling, network, places)
        for _, rule in inspect.getmembers(file, inspect.isgeneratorfunction)
        if rule.__module__ == file.__name__ and not rule.__name__.startswith("_")
    ]


def problems(objects: list[Object]) -> list[str]:
    """A sentence for each thing that is wrong, with the rule it breaks; rules are asked where the schemas hold."""
    wrong = [f"schema: {says(made)}: {problem}" for made in objects for problem in schemas.problems(made)]
    return wrong or [f"{rule.__name__}: {problem}" for rule in rules() for problem in rule(objects)]
