"""The soak as an SVG: memory of each process over time."""

from xml.sax.saxutils import escape

from loadtest.bench.chart import nice
from loadtest.bench.figures import Figure, rounded

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _FOOT = 900, 380, 60, 110, 50, 50  # px
_COLOURS = ("#1f6feb", "#bf8700", "#8c959f", "#8250df")
_TICKS = 5


def lines(figures: list[Figure], title: str) -> str:
    """A whole SVG document; each figure's detail is its value (in its unit) by second."""
    series = {figure.name: sorted((float(at), value) for at, value in figure.detail.items()) for figure in figures}
    last = max(points[-1][0] for points in series.values()) or 1.0
    most = max(value for points in series.values() for _, value in points)
    step, minutes = nice(most / _TICKS), nice(last / 60 / _TICKS)
    end = step * (int(most / step) + 1)
    parts = [_text(24, 30, f"{title} ({figures[0].unit})", 16, "start")]
    for tick in range(round(end / step) + 1):
        y = _y(tick * step, end)
        parts.append(f'<line x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}" stroke="#d8dee4"/>\n')
        parts.append(_text(_LEFT - 8, y + 4, rounded(tick * step), 11, "end"))
    for tick in range(int(last / 60 / minutes) + 1):
        x = _x(tick * minutes * 60, last)
        parts.append(_text(x, _HEIGHT - _FOOT + 18, rounded(tick * minutes), 11, "middle"))
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 12, "minutes", 11, "middle"))
    for number, (colour, (name, points)) in enumerate(zip(_COLOURS, series.items(), strict=False)):
        path = " ".join(f"{_x(at, last)},{_y(value, end)}" for at, value in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>\n')
        short = name.removeprefix("soak: ").partition(",")[0]
        parts.append(_text(_WIDTH - _RIGHT + 12, _TOP + 12 + 20 * number, short, 12, "start", colour))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="system-ui, sans-serif" role="img">\n'
        f'<title>{escape(title)}</title>\n<rect width="100%" height="100%" fill="#fff"/>\n{"".join(parts)}</svg>\n'
    )


def _x(seconds: float, last: float) -> float:
    return round(_LEFT + seconds / last * (_WIDTH - _LEFT - _RIGHT), 1)


def _y(value: float, end: float) -> float:
    return round(_HEIGHT - _FOOT - value / end * (_HEIGHT - _TOP - _FOOT), 1)


def _text(x: float, y: float, text: str, size: int, anchor: str, colour: str = "#24292f") -> str:
    return f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>\n'
