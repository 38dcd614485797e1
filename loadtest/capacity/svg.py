"""A chart as SVG: panels below one another, of lines over time or of bars, each with an axis, its unit and a legend."""

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH, _LEFT, _RIGHT = 940, 190, 110  # px
_HEAD, _FOOT = 34, 34
_BAR, _GAP = 16, 7
_TICKS = 4
INK, FAINT, RULE = "#24292f", "#6e7781", "#d8dee4"
COLOURS = ("#1f6feb", "#bf8700", "#8250df", "#1a7f37", "#8c959f")


class Line(NamedTuple):
    """`points`: at each x; `dashed` for what is only compared with."""

    name: str
    points: list[tuple[float, float]]
    dashed: bool = False


class Lines(NamedTuple):
    title: str
    unit: str
    lines: list[Line]
    x_unit: str = "minutes"
    height: int = 130  # px


class Bars(NamedTuple):
    """`bars`: name, value, what is written beside it, and whether it is ours."""

    title: str
    unit: str
    bars: list[tuple[str, float, str, bool]]


def document(title: str, panels: list[Lines | Bars]) -> str:
    return stacked(
        title, [partial(_lines, panel) if isinstance(panel, Lines) else partial(_bars, panel) for panel in panels]
    )


def stacked(title: str, panels: Iterable[Callable[[int], tuple[str, int]]]) -> str:
    """A whole document of panels below one another: where each begins → what is drawn, and how high it is."""
    parts, at = [text(24, 34, title, size=18, weight="600")], 54
    for panel in panels:
        part, height = panel(at)
        parts.append(part)
        at += height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{at}" viewBox="0 0 {WIDTH} {at}" '
        f'font-family="system-ui, sans-serif" role="img">\n<title>{escape(title)}</title>\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{"".join(parts)}</svg>\n'
    )


def _lines(panel: Lines, top: int) -> tuple[str, int]:
    xs = [x for line in panel.lines for x, _ in line.points]
    step, end = _axis(max([y for line in panel.lines for _, y in line.points] + [0]))
    first, last = min(xs), max(xs)
    foot = top + _HEAD + panel.height

    def place(x: float, y: float) -> str:
        across = _LEFT + (x - first) / ((last - first) or 1) * (WIDTH - _LEFT - _RIGHT)
        return f"{across:.1f},{foot - y / end * panel.height:.1f}"

    parts = [heading(panel.title, panel.unit, top)]
    for tick in range(round(end / step) + 1):
        y = foot - tick * step / end * panel.height
        parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{WIDTH - _RIGHT}" y2="{y:.1f}" stroke="{RULE}"/>\n')
        parts.append(text(_LEFT - 8, y + 4, short(tick * step), size=11, colour=FAINT, anchor="end"))
    across_step, _ = _axis(last - first)
    for tick in range(int((last - first) / across_step) + 1):
        x = place(first + tick * across_step, 0).partition(",")[0]
        parts.append(text(float(x), foot + 16, short(tick * across_step), size=11, colour=FAINT, anchor="middle"))
    parts.append(text(WIDTH - _RIGHT + 8, foot + 16, panel.x_unit, size=11, colour=FAINT))
    for number, line in enumerate(panel.lines):
        colour = COLOURS[number % len(COLOURS)]
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        points = " ".join(place(*point) for point in line.points)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>\n')
        parts.append(text(24, top + _HEAD + 14 + 17 * number, line.name, size=12, colour=colour))
    return "".join(parts), _HEAD + panel.height + _FOOT


def _bars(panel: Bars, top: int) -> tuple[str, int]:
    _, end = _axis(max(value for _, value, _, _ in panel.bars))
    parts = [heading(panel.title, panel.unit, top)]
    for number, (name, value, shown, ours) in enumerate(panel.bars):
        y = top + _HEAD + number * (_BAR + _GAP)
        wide = value / end * (WIDTH - _LEFT - _RIGHT)
        parts.append(text(_LEFT - 8, y + 12, name, size=12, anchor="end"))
        colour = COLOURS[0] if ours else COLOURS[-1]
        parts.append(f'<rect x="{_LEFT}" y="{y}" width="{wide:.1f}" height="{_BAR}" rx="2" fill="{colour}"/>\n')
        parts.append(text(_LEFT + wide + 6, y + 12, shown, size=12))
    return "".join(parts), _HEAD + len(panel.bars) * (_BAR + _GAP) + 14


def _axis(most: float) -> tuple[float, float]:
    """A round step, and the end of the axis."""
    if most <= 0:
        return 1.0, 1.0
    step = nice(most / _TICKS)
    return step, step * math.ceil(most / step * 0.999)


def nice(rough: float) -> float:
    """A round step, not less than `rough`."""
    if rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)


def short(value: float) -> str:
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def heading(title: str, unit: str, top: int) -> str:
    return text(24, top + 20, title, size=14, weight="600") + text(
        WIDTH - 24, top + 20, unit, size=12, colour=FAINT, anchor="end"
    )


def text(
    x: float, y: float, words: str, *, size: int, colour: str = INK, anchor: str = "start", weight: str = "400"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}">{escape(words)}</text>\n'
    )
