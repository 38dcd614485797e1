"""A chart as SVG: panels below one another, of lines over time or of bars, each with an axis, its unit and a legend."""

import math
from typing import NamedTuple
from xml.sax.saxutils import escape

_WIDTH, _LEFT, _RIGHT = 940, 190, 110  # px
_LINES_HEIGHT, _HEAD, _FOOT = 130, 34, 34
_BAR, _GAP = 16, 7
_TICKS = 4
_INK, _FAINT, _RULE = "#24292f", "#6e7781", "#d8dee4"
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


class Bars(NamedTuple):
    """`bars`: name, value, what is written beside it, and whether it is ours."""

    title: str
    unit: str
    bars: list[tuple[str, float, str, bool]]


def document(title: str, panels: list[Lines | Bars]) -> str:
    parts, at = [_text(24, 34, title, size=18, weight="600")], 54
    for panel in panels:
        part, height = _lines(panel, at) if isinstance(panel, Lines) else _bars(panel, at)
        parts.append(part)
        at += height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{at}" viewBox="0 0 {_WIDTH} {at}" '
        f'font-family="system-ui, sans-serif" role="img">\n<title>{escape(title)}</title>\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{"".join(parts)}</svg>\n'
    )


def _lines(panel: Lines, top: int) -> tuple[str, int]:
    xs = [x for line in panel.lines for x, _ in line.points]
    step, end = _axis(max([y for line in panel.lines for _, y in line.points] + [0]))
    first, last = min(xs), max(xs)
    foot = top + _HEAD + _LINES_HEIGHT

    def place(x: float, y: float) -> str:
        across = _LEFT + (x - first) / ((last - first) or 1) * (_WIDTH - _LEFT - _RIGHT)
        return f"{across:.1f},{foot - y / end * _LINES_HEIGHT:.1f}"

    parts = [_heading(panel.title, panel.unit, top)]
    for tick in range(round(end / step) + 1):
        y = foot - tick * step / end * _LINES_HEIGHT
        parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}" stroke="{_RULE}"/>\n')
        parts.append(_text(_LEFT - 8, y + 4, short(tick * step), size=11, colour=_FAINT, anchor="end"))
    across_step, _ = _axis(last - first)
    for tick in range(int((last - first) / across_step) + 1):
        x = place(first + tick * across_step, 0).partition(",")[0]
        parts.append(_text(float(x), foot + 16, short(tick * across_step), size=11, colour=_FAINT, anchor="middle"))
    parts.append(_text(_WIDTH - _RIGHT + 8, foot + 16, panel.x_unit, size=11, colour=_FAINT))
    for number, line in enumerate(panel.lines):
        colour = COLOURS[number % len(COLOURS)]
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        points = " ".join(place(*point) for point in line.points)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>\n')
        parts.append(_text(24, top + _HEAD + 14 + 17 * number, line.name, size=12, colour=colour))
    return "".join(parts), _HEAD + _LINES_HEIGHT + _FOOT


def _bars(panel: Bars, top: int) -> tuple[str, int]:
    _, end = _axis(max(value for _, value, _, _ in panel.bars))
    parts = [_heading(panel.title, panel.unit, top)]
    for number, (name, value, shown, ours) in enumerate(panel.bars):
        y = top + _HEAD + number * (_BAR + _GAP)
        wide = value / end * (_WIDTH - _LEFT - _RIGHT)
        parts.append(_text(_LEFT - 8, y + 12, name, size=12, anchor="end"))
        colour = COLOURS[0] if ours else COLOURS[-1]
        parts.append(f'<rect x="{_LEFT}" y="{y}" width="{wide:.1f}" height="{_BAR}" rx="2" fill="{colour}"/>\n')
        parts.append(_text(_LEFT + wide + 6, y + 12, shown, size=12))
    return "".join(parts), _HEAD + len(panel.bars) * (_BAR + _GAP) + 14


def _axis(most: float) -> tuple[float, float]:
    """A round step, and the end of the axis."""
    if most <= 0:
        return 1.0, 1.0
    rough = most / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    return step, step * math.ceil(most / step * 0.999)


def short(value: float) -> str:
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _heading(title: str, unit: str, top: int) -> str:
    return _text(24, top + 20, title, size=14, weight="600") + _text(
        _WIDTH - 24, top + 20, unit, size=12, colour=_FAINT, anchor="end"
    )


def _text(
    x: float, y: float, text: str, *, size: int, colour: str = _INK, anchor: str = "start", weight: str = "400"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}">{escape(text)}</text>\n'
    )
