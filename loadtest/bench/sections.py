"""The sections, in the order in which they run: a section is a function from options to figures."""

from collections.abc import Callable

from loadtest.bench.collector import collector
from loadtest.bench.durability import durability
from loadtest.bench.figures import Figure
from loadtest.bench.options import Options
from loadtest.bench.processor import processor

Section = Callable[[Options], list[Figure]]

SECTIONS: dict[str, Section] = {
    "collector": collector,
    "durability": durability,
    "processor": processor,
}
