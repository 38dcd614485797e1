"""The figures as one SVG: panels of horizontal bars, each with an axis, its unit, and the targets; and the soak's."""

import math
from fnmatch import fnmatchcase
from functools import partial
from typing import NamedTuple
from xml.sax.saxutils import escape

from loadtest.bench.figures import Figure, rounded
from loadtest.bench.targets import TARGETS
from loadtest.capacity.svg import FAINT, INK, RULE, WIDTH, Line, Lines, document, heading, nice, stacked, text

_LEFT, _RIGHT = 330, 80  # px; left for the names, right for the longest value
_BAR, _GAP, _HEAD, _FOOT = 18, 8, 34, 40
_TICKS = 5
_COLOURS = {"fast": "#1f6feb", "granian": "#54aeff", "nginx": "#8c959f", "go": "#bf8700"}
_OURS = "#1f6feb"


class Panel(NamedTuple):
    """`keys` are those of the figures that it shows, in their order; a pattern's `*` is any one word."""

    title: str
    keys: tuple[str, ...]


PANELS = (
    Panel("Collector, one core: requests a second", ("collector.*.*.rate",)),
    Panel("Over nginx in the same round", ("collector.*.*-over-nginx",)),
    Panel("Over go-csp-collector in the same round", ("collector.*.*-over-go",)),
    Panel("What a 204 promises: requests a second", ("durability.*",)),
    *(
        Panel(f"Latency at {share} of the maximum, open-loop", (f"latency.{key}.*.p50", f"latency.{key}.*.p99"))
        for key, share in (("10", "a tenth"), ("50", "half"), ("80", "four fifths"))
    ),
    Panel("Processor, one core, log to store", ("processor.*.rate",)),
    Panel("Bytes a report in the log", ("bytes.log.*",)),
    Panel("Bytes a row in the store", ("bytes.row.*",)),
    Panel("Console, over the large data set", ("console.*",)),
    Panel("Memory in the soak, at most", ("soak.*.max",)),
)


def chart(figures: list[Figure], title: str) -> str:
    """A whole SVG document; a panel without figures is left out, a figure of another unit than its panel's too."""
    found = ((panel, _shown(panel, figures)) for panel in PANELS)
    return stacked(title, [partial(_panel, panel.title, shown) for panel, shown in found if shown])


def memory(figures: list[Figure], title: str) -> str:
    """The soak's: each figure's detail is its value by second."""
    lines = [
        Line(
            figure.name.removeprefix("soak: ").partition(",")[0],
            sorted((float(second) / 60, value) for second, value in figure.detail.items()),
        )
        for figure in figures
    ]
    return document(title, [Lines("Resident memory", figures[0].unit, lines, height=280)])


def _shown(panel: Panel, figures: list[Figure]) -> list[Figure]:
    found = [figure for figure in figures if figure.rounds and any(_fits(figure.key, key) for key in panel.keys)]
    return [figure for figure in found if figure.unit == found[0].unit]


def _fits(key: str, pattern: str) -> bool:
    words, wanted = key.split("."), pattern.split(".")
    return len(words) == len(wanted) and all(fnmatchcase(*both) for both in zip(words, wanted, strict=True))


def _panel(title: str, figures: list[Figure], top: int) -> tuple[str, int]:
    targets = [TARGETS[figure.key].value for figure in figures if figure.key in TARGETS]
    most = max([max(figure.rounds) for figure in figures] + targets)
    step = nice(most / _TICKS)
    end = step * math.ceil(most / step)
    foot = top + _HEAD + len(figures) * (_BAR + _GAP)
    parts = [heading(title, figures[0].unit, top)]
    for tick in range(round(end / step) + 1):
        x = _x(tick * step, end)
        parts.append(f'<line x1="{x}" y1="{top + _HEAD - 4}" x2="{x}" y2="{foot}" stroke="{RULE}"/>\n')
        parts.append(text(x, foot + 14, rounded(tick * step), size=11, colour=FAINT, anchor="middle"))
    for number, figure in enumerate(figures):
        parts.append(_bar(figure, top + _HEAD + number * (_BAR + _GAP), end))
    return "".join(parts), foot + _FOOT - top


def _bar(figure: Figure, y: int, end: float) -> str:
    """The median as a bar, least and most as a line over it, the target as a mark."""
    value, low, high = figure.value or 0.0, min(figure.rounds), max(figure.rounds)
    middle = y + _BAR / 2
    colour = next((_COLOURS[word] for word in reversed(figure.key.split(".")) if word in _COLOURS), _OURS)
    parts = [
        text(_LEFT - 8, middle + 4, figure.name, size=12, anchor="end"),
        f'<rect x="{_LEFT}" y="{y}" width="{_x(value, end) - _LEFT:.1f}" height="{_BAR}" rx="2" fill="{colour}"/>\n',
        f'<line x1="{_x(low, end)}" y1="{middle}" x2="{_x(high, end)}" y2="{middle}" stroke="{INK}"/>\n',
        text(_x(high, end) + 6, middle + 4, rounded(value), size=12),
    ]
    if figure.key in TARGETS:
        target = TARGETS[figure.key]
        x = _x(target.value, end)
        parts.append(
            f'<line x1="{x}" y1="{y - 3}" x2="{x}" y2="{y + _BAR + 3}" stroke="#cf222e" stroke-width="2">'
            f"<title>target {escape(str(target))}</title></line>\n"
        )
    return "".join(parts)


def _x(value: float, end: float) -> float:
    return round(_LEFT + max(0.0, value) / (end or 1) * (WIDTH - _LEFT - _RIGHT), 1)
