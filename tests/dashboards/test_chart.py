"""The chart's geometry: everything drawn, nothing outside, and ticks a person would choose."""

from hypothesis import given
from hypothesis import strategies as st

from dashboards.chart import HEIGHT, Chart, Layer, chart
from dashboards.filters import Filters
from dashboards.pages import charts
from dashboards.times import written

NOON = 1_795_262_400  # 2026-11-21T12:00:00Z
LAYERS = (Layer("own", "own"), Layer("noise", "noise"))


def drawn(counts: dict[int, tuple[int, int]], step: int, **period: int) -> Chart:
    found = chart(LAYERS, counts, step, **period)
    assert found is not None
    return found


def test_nothing_to_draw_is_no_chart():
    assert chart(LAYERS, {}, 600) is None


def test_a_bar_stands_at_its_time_in_a_period():
    found = drawn({NOON + 1800: (3, 1)}, 600, start=NOON, end=NOON + 6 * 3600)
    [bar] = found.bars
    assert (found.first, found.last) == (NOON, NOON + 6 * 3600)
    assert (bar.start, bar.end, bar.reports, bar.counts) == (NOON + 1800, NOON + 2400, 4, (3, 1))
    assert 100 * 3 / 36 < bar.x < bar.x + bar.width < 100 * 4 / 36
    own, noise = bar.parts
    assert noise.height * 3 == own.height
    assert noise.y + noise.height == own.y
    assert own.y + own.height == HEIGHT


def test_what_is_none_is_not_drawn():
    [bar] = drawn({NOON: (0, 4)}, 60).bars
    assert [part.layer.name for part in bar.parts] == ["noise"]


def test_one_bar_alone_does_not_fill_the_plot():
    assert drawn({NOON: (3, 0)}, 60).bars[0].width < 5


def test_a_single_report_among_thousands_is_seen():
    assert drawn({NOON: (100_000, 0), NOON + 60: (0, 1)}, 60).bars[1].parts[0].height >= 1


def test_lines_are_at_round_numbers_of_reports_from_nothing_up():
    for peak, expected in (
        (1, "0 1"),
        (3, "0 1 2 3"),
        (7, "0 2 4 6"),
        (1020, "0 500 1,000"),
        (40_001, "0 20,000 40,000"),
    ):
        assert " ".join(tick.text for tick in drawn({NOON: (peak, 0)}, 60).y_ticks) == expected


def test_times_are_at_round_moments_and_midnight_is_a_date():
    found = drawn({NOON: (1, 0), NOON + 86400: (1, 0)}, 1800)
    assert [tick.text for tick in found.x_ticks] == ["18:00", "22 Nov", "06:00"]
    found = drawn({NOON: (1, 0)}, 86400, start=NOON - 60 * 86400, end=NOON)
    assert all(" " in tick.text for tick in found.x_ticks)


def test_a_period_far_longer_than_what_is_known_is_cut_to_that():
    found = drawn({NOON: (1, 0), NOON + 600: (1, 0)}, 600, start=0, end=2**32 - 600)
    assert found.bars[0].width > 1


@given(
    st.dictionaries(
        st.integers(0, 5000), st.tuples(st.integers(0, 10**12), st.integers(0, 10**6)), min_size=1, max_size=50
    ),
    st.sampled_from([60, 600, 3600, 86400]),
    st.none() | st.integers(NOON - 10**6, NOON),
    st.none() | st.integers(NOON, NOON + 10**8),
)
def test_everything_is_drawn_inside(counts: dict[int, tuple[int, int]], step: int, start: int | None, end: int | None):
    known = {NOON // step * step + number * step: pair for number, pair in counts.items() if sum(pair)}
    found = chart(LAYERS, known, step, start, end)
    if found is None:
        assert not known
        return
    assert {bar.start: bar.counts for bar in found.bars} == known
    for bar in found.bars:
        assert -0.001 <= bar.x < bar.x + bar.width <= 100.001
        assert sum(part.reports for part in bar.parts) == bar.reports
        assert all(-2 <= part.y <= HEIGHT for part in bar.parts)
    assert all(0 < tick.at < 100 for tick in found.x_ticks)
    assert all(0 < tick.at <= HEIGHT for tick in found.y_ticks)
    assert len(found.x_ticks) <= 8
    assert 2 <= len(found.y_ticks) <= 6


def series(*points: tuple[int, str, int]) -> dict[str, object]:
    items = [{"time": written(at), "key": key, "reports": count, "estimated": count} for at, key, count in points]
    return {"step": 60, "items": items}


def test_directives_are_layers_the_biggest_first_and_the_rest_is_one():
    names = [f"d{number}-src" for number in range(8)]
    found = charts.by_directive(series(*((NOON, name, 100 - place) for place, name in enumerate(names))), Filters())
    assert found is not None
    assert [layer.name for layer in found.layers] == [*names[:5], "others"]
    assert list(found.bars[0].counts) == [100, 99, 98, 97, 96, 95 + 94 + 93]


def test_noise_lies_on_the_sites_own():
    found = charts.by_noise(series((NOON, "", 5), (NOON, "extension", 2), (NOON, "injected", 1)), Filters())
    assert found is not None
    assert list(found.bars[0].counts) == [5, 3]
