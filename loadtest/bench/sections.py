"""The sections, in the order in which they run: a section is a function from options to figures."""

from collections.abc import Callable

from loadtest.bench.collector import collector
from loadtest.bench.durability import durability
from loadtest.bench.figures import Figure
from loadtest.bench.instructions import instructions
from loadtest.bench.latency import latency
from loadtest.bench.options import Options
from loadtest.bench.processor import processor
from loadtest.bench.sizes import sizes
from loadtest.bench.soak import soak

Section = Callable[[Options], list[Figure]]

# `console` belongs between `bytes` and `instructions`: one line here, once there is a function.
SECTIONS: dict[str, Section] = {
    "collector": collector,
    "durability": durability,
    "latency": latency,
    "processor": processor,
    "bytes": sizes,
    "instructions": instructions,
    "soak": soak,
}
