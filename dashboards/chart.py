"""A chart of reports over time as geometry: x in percent, y in pixels, so that it fits any width undistorted."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

HEIGHT = 200  # px of the plot; the template adds the room for the labels below
TOP = 22  # px kept free for the label of the highest line
_MOST_BARS = 400
_LEAST_BARS = 24  # one bar alone would fill the plot
_X_STEPS = (60, 300, 600, 900, 1800, 3600, 7200, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400,
            14 * 86400, 28 * 86400, 91 * 86400, 365 * 86400,
            5 * 365 * 86400)  # fmt: skip
_X_TICKS = 7


class Layer(NamedTuple):
    """What is stacked: its name as it is shown (texts.brief), and its class in the sheet."""

    name: str
    look: str


class Part(NamedTuple):
    """Of a bar: one layer's `reports`, and where it stands (px)."""

    layer: Layer
    reports: int
    y: float
    height: float


class Bar(NamedTuple):
    """`start` and `end` in s; the first layer's part at the bottom. What is none has no part."""

    start: int
    end: int
    x: float
    width: float
    reports: int
    counts: Sequence[int]  # of each layer
    parts: list[Part]


class Tick(NamedTuple):
    at: float  # percent for x, px for y
    text: str
    minor: bool  # left out where there is little room


class Chart(NamedTuple):
    """`first` and `last`: what the width stands for (s)."""

    step: int
    first: int
    last: int
    layers: Sequence[Layer]
    bars: list[Bar]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    peak: int

    def spans(self) -> list[tuple[int, int]]:
        """Start and end of each bar (s)."""
        return [(bar.start, bar.end) for bar in self.bars]


Counts = Mapping[int, Sequence[int]]  # start of a step (s) → reports of each layer


def chart(
    layers: Sequence[Layer], counts: Counts, step: int, start: int | None = None, end: int | None = None
) -> Chart | None:
    """`counts` over start…end, or over what there is; None where there is nothing to draw."""
    if not counts:
        return None
    known_from, known_to = min(counts), max(counts) + step
    first = known_from if start is None else min(known_from, start // step * step)
    last = known_to if end is None else max(known_to, end)
    if (last - first) / step > _MOST_BARS:  # a period much longer than what is known of it
        first, last = known_from, known_to
    last = -(-last // step) * step
    steps = max((last - first) // step, _LEAST_BARS)
    first = last - steps * step
    peak = max(map(sum, counts.values()))
    line = _nice(peak)

    def height(reports: int) -> float:
        return round(reports / peak * (HEIGHT - TOP), 2)

    bars = []
    for index in range(steps):
        time = first + index * step
        if time in counts:
            x, width = round((index + 0.1) / steps * 100, 4), round(0.8 / steps * 100, 4)
            bars.append(Bar(time, time + step, x, width, sum(counts[time]), counts[time],
                            _parts(layers, counts[time], height)))  # fmt: skip
    y_ticks = [Tick(HEIGHT - height(value), f"{value:,}", False) for value in range(0, peak + 1, line)]
    return Chart(step, first, last, layers, bars, _x_ticks(first, last), y_ticks, peak)


def _parts(layers: Sequence[Layer], counts: Sequence[int], height: Callable[[int], float]) -> list[Part]:
    found = []
    y = float(HEIGHT)
    for layer, reports in zip(layers, counts, strict=True):
        if reports:
            tall = max(height(reports), 1.5)  # a report among thousands is still a report: it is never invisible
            y -= tall
            found.append(Part(layer, reports, round(y, 2), tall))
    return found


def _nice(peak: int) -> int:
    """A round distance between lines, of which there are two to five."""
    rough = peak / 4
    power: int = 10 ** max(0, math.floor(math.log10(max(rough, 1))))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)


def _x_ticks(first: int, last: int) -> list[Tick]:
    step = next((step for step in _X_STEPS if (last - first) / step <= _X_TICKS), _X_STEPS[-1])
    found = []
    for number, time in enumerate(range(-(-first // step) * step, last, step)):
        at = (time - first) / (last - first)
        if 0.03 <= at <= 0.97:  # a label at the very edge would be cut
            found.append(Tick(round(at * 100, 3), _label(time, step), number % 2 == 1))
    return found


def _label(time: int, step: int) -> str:
    moment = datetime.fromtimestamp(time, UTC)
    if step >= 91 * 86400:
        return f"{moment:%b %Y}"
    return f"{moment.day} {moment:%b}" if step >= 86400 or time % 86400 == 0 else f"{moment:%H:%M}"
