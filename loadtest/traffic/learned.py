"""What was learned of traffic from captured reports: `learned.json`, which `python -m loadtest.learn` writes.

Captures of test pages tell how each engine spells, batches and sizes its reports. They don't tell how many people use
it, what they visit, or how often the same comes again: that stands in `world.py` and in the shapes, as assumptions.
"""

import json
from pathlib import Path
from typing import NamedTuple

FILE = Path(__file__).with_name("learned.json")


class Old(NamedTuple):
    """One spelling of one old browser. `browser`: its family and major version; `keys` in their order."""

    agent: str
    browser: str
    content_type: str
    keys: list[str]
    weight: int


class Learned(NamedTuple):
    """By engine: `formats`: POSTs of each; `sizes`: arrays by number of entries; `entries` of arrays, by type.

    Shares: `noise` and `report_only` of the reports, `nonces` of the policies. How often each length came, in
    characters: of `policy`, `document` and `blocked` URL, and of the `sample` of what has one. `bytes`: 101 percentiles
    of a body's size, over the number of its reports.
    """

    formats: dict[str, dict[str, int]]
    sizes: dict[str, dict[str, int]]
    entries: dict[str, dict[str, int]]
    noise: float
    report_only: float
    nonces: float
    policy: dict[str, int]
    document: dict[str, int]
    blocked: dict[str, int]
    sample: dict[str, int]
    bytes: list[int]
    old: list[Old]


def load(file: Path = FILE) -> Learned:
    found = json.loads(file.read_text())
    return Learned(**{**found, "old": [Old(**one) for one in found["old"]]})
