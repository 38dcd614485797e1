"""What is written down of a measurement, and how it is drawn."""

import xml.etree.ElementTree as ET

from loadtest.bench import arguments, results
from loadtest.bench.chart import PANELS, chart, memory
from loadtest.bench.figures import Figure, skipped
from loadtest.bench.results import Results
from loadtest.bench.sections import SECTIONS
from loadtest.bench.soak import slope
from loadtest.bench.table import table
from loadtest.bench.targets import TARGETS, verdict
from loadtest.capacity.svg import nice

SVG = "{http://www.w3.org/2000/svg}"
FIGURES = [
    Figure(
        "collector.legacy.fast.rate", "reports of 900 B, <fast> & more", "requests/s", [40_000, 41_000, 39_000], "more"
    ),
    Figure("collector.legacy.nginx.rate", "reports of 900 B, nginx", "requests/s", [70_000.0], "more"),
    Figure("collector.legacy.fast-over-nginx", "fast over nginx", "x", [0.57, 0.49, 0.6], "more"),
    Figure("bytes.log.typical", "log, typical", "B/report", [31.0], "less", "a note"),
    skipped("durability.log", "durability log", "Java is not here"),
]


def texts(svg):
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter(f"{SVG}text")]


def test_the_chart_is_well_formed_and_names_figures_units_and_values():
    found = texts(chart(FIGURES, "On <2> cores & more"))
    assert "On <2> cores & more" in found
    assert {"reports of 900 B, <fast> & more", "40,000", "requests/s", "B/report"} <= set(found)
    assert "durability log" not in found  # nothing was measured


def test_a_bar_is_as_long_as_its_value_and_a_target_stands_where_it_is():
    root = ET.fromstring(chart(FIGURES[:3], "a"))
    bars = [float(node.get("width")) for node in root.iter(f"{SVG}rect") if node.get("rx")]
    assert bars[0] / bars[1] == 40 / 70 or abs(bars[0] / bars[1] - 40 / 70) < 0.001
    assert len([node for node in root.iter(f"{SVG}line") if node.find(f"{SVG}title") is not None]) == 1


def test_a_chart_of_nothing_is_well_formed_too():
    assert texts(chart([], "a")) == ["a"]


def test_every_panel_has_figures_of_one_unit():
    mixed = [*FIGURES, Figure("durability.disk", "disk", "requests/s", [1.0]),
             Figure("durability.disk-over-memory", "disk over memory", "x", [0.9])]  # fmt: skip
    assert "disk over memory" not in texts(chart(mixed, "a"))
    assert len({panel.title for panel in PANELS}) == len(PANELS)


def test_steps_are_round():
    assert [nice(rough) for rough in (0, 0.013, 0.2, 3, 700, 14_000)] == [1, 0.02, 0.2, 5, 1000, 20_000]


def test_the_soaks_chart_is_well_formed():
    detail = {str(second): 60 + second / 10 for second in range(120)}
    found = texts(memory([Figure("soak.worker.max", "soak: worker, at most", "MiB", [72.0], detail=detail)], "a & b"))
    assert {"a & b", "MiB", "worker", "minutes"} <= set(found)


def test_memory_that_grows_has_a_slope():
    assert slope([10.0 + 0.5 * second for second in range(60)]) == 0.5
    assert slope([10.0] * 60) == 0
    assert slope([10.0]) == 0


def test_results_survive_their_file_and_a_section_replaces_only_itself(tmp_path):
    kept = Results()
    kept.sections["collector"] = results.section(FIGURES[:3], "collector --rounds 3")
    kept.sections["bytes"] = results.section(FIGURES[3:4], "bytes")
    results.save(kept, tmp_path)
    again = results.load(tmp_path)
    assert again == kept
    again.sections["bytes"] = results.section([], "bytes --quick")
    results.save(again, tmp_path)
    assert results.load(tmp_path).sections["collector"] == kept.sections["collector"]
    met = {one.figure.key: one.met for one in kept.sections["collector"].figures}
    assert met == {FIGURES[0].key: None, FIGURES[1].key: None, FIGURES[2].key: True}
    assert kept.sections["bytes"].figures[0].met is False
    assert kept.sections["bytes"].figures[0].target == "≤ 30"


def test_what_another_version_wrote_is_measured_anew(tmp_path):
    (tmp_path / results.FILE).write_text('{"sections": {"collector": []}}')
    assert results.load(tmp_path) == Results()


def test_a_skipped_figure_has_no_verdict_and_its_reason_is_shown():
    assert verdict(skipped("bytes.log.typical", "log", "nothing is here")) is None
    assert table(FIGURES).caption == "1  a note\n2  skipped: Java is not here"


def test_targets_are_met_in_their_own_direction():
    assert TARGETS["processor.different.rate"].met(40_000)
    assert not TARGETS["processor.different.rate"].met(39_999)
    assert TARGETS["latency.50.fast.p50"].met(1)
    assert not TARGETS["latency.50.fast.p50"].met(1.01)


def test_the_help_explains_every_section(capsys):
    explained = arguments.parser().format_help()
    assert all(f"\n  {name} " in explained for name in SECTIONS)
