"""No secret is in an object: each is a reference to a Secret, whose values are nowhere here."""

import re
from collections.abc import Iterator
from typing import Any

from sentinel.names import PREFIX, SECRET
from tests.k8s.objects import Object, of, says

SETTINGS = {PREFIX + field.upper() for field in SECRET}
HIDES = re.compile(r"PASSWORD|TOKEN|SECRET|PRIVATE|CREDENTIAL|API_?KEY", re.IGNORECASE)
NAMES_ONE = re.compile(r"(Name|Ref)$")  # secretName: a Secret's name, and not what it holds
IN_CLEAR = re.compile(r"://[^/@\s]*:(?!\$\([A-Z_]+\)@)[^/@\s]+@")  # the password of a URL
IN_A_FILE = re.compile(r"(password|token|secret)\w*[\"']?\s*[=:>]\s*[\"']?[^\s<$\"']", re.IGNORECASE)


def secrets_are_references(objects: list[Object]) -> Iterator[str]:
    """In objects of any kind: an operator's users, too."""
    for made in objects:
        for name, text in _texts(made):
            hidden = name in SETTINGS or (HIDES.search(name) and not NAMES_ONE.search(name))
            if (text and hidden) or IN_CLEAR.search(text):
                yield f"{says(made)}: {name} holds its secret in clear"
    for made in of(objects, "Secret"):
        if made.get("data") or made.get("stringData"):
            yield f"{says(made)} holds its values in clear"
    for made in of(objects, "ConfigMap"):
        for name, text in made.get("data", {}).items():
            if IN_A_FILE.search(text):
                yield f"{says(made)}: the file {name} holds a secret in clear"


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text, under the name it has: of a key, or of the variable whose value it is."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, str(value["name"]) if key == "value" and "name" in value else key)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, name)
    elif isinstance(value, str):
        yield name, value
