"""What the series of the read API are as charts: split by noise, or by directive."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from dashboards import chart, texts
from dashboards.chart import Chart, Layer
from dashboards.filters import Filters
from dashboards.times import seconds

OWN, NOISE = Layer("own", "own"), Layer("noise", "noise")
_LEFT_OUT = Layer("left out, estimated", "left-out")
_MOST = 5  # directives told apart; the rest is one layer
_OTHERS = Layer("others", "k5")


def by_noise(found: dict[str, Any], asked: Filters, *, noise: bool = False) -> Chart | None:
    """Of a series that is split by noise, or of one that is not: then `noise` says which all of it is."""
    return _drawn([OWN, NOISE], found, asked, lambda key: bool(key) or noise)


def by_directive(found: dict[str, Any], asked: Filters) -> Chart | None:
    """The directives with most reports, the biggest at the bottom."""
    sums: Counter[str] = Counter()
    for point in found["items"]:
        sums[point["key"]] += point["reports"]
    named = [key for key, _ in sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))][:_MOST]
    places = {key: place for place, key in enumerate(named)}
    layers = [Layer(texts.brief(key) or "none said", f"k{place}") for key, place in places.items()]
    if len(sums) > len(named):
        layers.append(_OTHERS)
    return _drawn(layers, found, asked, lambda key: places.get(key, len(named)))


def _drawn(layers: list[Layer], found: dict[str, Any], asked: Filters, place: Callable[[str], int]) -> Chart | None:
    """What was left out stands on top of what is stored: else a change of `sample` looks like one of the site."""
    sampled = any(point["estimated"] != point["reports"] for point in found["items"])
    layers = [*layers, _LEFT_OUT] if sampled else layers
    drawn: dict[int, list[int]] = {}
    for point in found["items"]:
        counts = drawn.setdefault(seconds(point["time"]), [0] * len(layers))
        counts[place(point["key"])] += point["reports"]
        counts[-1] += point["estimated"] - point["reports"]
    return chart.chart(layers, drawn, found["step"], asked.start, asked.end)
