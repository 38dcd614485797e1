"""The sections, in the order in which they run: a section is a function from options to figures."""

from collections.abc import Callable

from loadtest.bench.collector import collector
from loadtest.bench.console import console
from loadtest.bench.durability import durability
from loadtest.bench.figures import Figure
from loadtest.bench.instructions import instructions
from loadtest.bench.latency import latency
from loadtest.bench.options import Options
from loadtest.bench.processor import processor
from loadtest.bench.sizes import sizes
from loadtest.bench.soak import soak

Section = Callable[[Options], list[Figure]]

SECTIONS: dict[str, Section] = {
    "collector": collector,
    "durability": durability,
    "latency": latency,
    "processor": processor,
    "bytes": sizes,
    "console": console,
    "instructions": instructions,
    "soak": soak,
}
