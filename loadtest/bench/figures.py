"""A figure: what was measured, in every round of it, and what is asked of it."""

import statistics
from typing import Literal

import msgspec

Better = Literal["more", "less", ""]


class Figure(msgspec.Struct):
    """`key` never changes; `rounds` are in `unit`, as measured one after the other; none where it was skipped."""

    key: str  # section.what.how
    name: str
    unit: str
    rounds: list[float] = []
    better: Better = ""
    note: str = ""  # what a reader must know to judge it; why it was skipped
    detail: dict[str, float] = {}  # what it is made of, in its unit

    @property
    def value(self) -> float | None:
        return statistics.median(self.rounds) if self.rounds else None


def skipped(key: str, name: str, why: str) -> Figure:
    return Figure(key, name, "", note=f"skipped: {why}")


def ratio(key: str, name: str, over: list[float], under: list[float], note: str = "") -> Figure:
    """Of two that took turns: divided round by round, because a noisy neighbour stays for a round."""
    return Figure(key, name, "x", [a / b for a, b in zip(over, under, strict=False) if b], "more", note)


def rounded(value: float) -> str:
    """Three digits, and no more than a person reads."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
