"""The figures behind the plan: where each is from, and what a wrong costs file is told."""

import json

import pytest

from loadtest.bench import costs as written
from loadtest.bench import results
from loadtest.bench.figures import Figure
from loadtest.bench.results import Results
from loadtest.capacity import costs
from loadtest.capacity.costs import BadCosts, Costs, load
from loadtest.capacity.demand import Demand
from loadtest.capacity.envelopes import log_bytes
from loadtest.capacity.plan import plan


def file_of(tmp_path, text):
    path = tmp_path / "costs.json"
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


def test_every_figure_says_its_unit_and_when_it_was_measured_where_or_why_it_is_assumed():
    figures = load().figures
    assert list(figures) == list(Costs.__struct_fields__)
    for name, figure in figures.items():
        assert figure.unit, name
        assert bool(figure.measured and figure.where) != bool(figure.assumed), name
        assert not costs._wrong(name, figure.value, figure.unit), name


def test_a_file_replaces_what_it_has_and_nothing_else(tmp_path):
    found = load(file_of(tmp_path, {"figures": {"utilisation": {"value": 0.5}}}))
    assert found.costs.utilisation == 0.5
    assert found.figures["utilisation"].unit == "share"
    assert found.figures["utilisation"].assumed == "given in costs.json"
    assert found.costs.collector_post == load().costs.collector_post


@pytest.mark.parametrize(
    "text, said",
    [
        ("{", "is no JSON"),
        ("[]", "is no costs file"),
        ('{"utilisation": 0.5}', "is no costs file"),
        ('{"figures": {"utilisation": 0.5}}', "is no costs file"),
        ('{"figures": {"utilisation": {"value": "half"}}}', "is no costs file"),
        ('{"figures": {"utilisation": {"value": null}}}', "is no costs file"),
        ('{"figures": {"utilisation": {"value": 0.5, "units": "share"}}}', "is no costs file"),
        ('{"figures": {"utilization": {"value": 0.5}}}', "no figure utilization; did you mean utilisation?"),
        ('{"figures": {"xyzzy": {"value": 0.5}}}', "no figure xyzzy; there are collector_post"),
        ('{"figures": {"utilisation": {"value": -0.5}}}', "utilisation is -0.5, and should be more than 0, 1 at most"),
        ('{"figures": {"utilisation": {"value": 0}}}', "utilisation is 0, and should be more than 0"),
        ('{"figures": {"utilisation": {"value": 60}}}', "utilisation is 60, and should be more than 0, 1 at most"),
        ('{"figures": {"array_share": {"value": -1}}}', "array_share is -1, and should be from 0 to 1"),
        ('{"figures": {"zones": {"value": 2.5}}}', "zones is 2.5, and should be a whole number"),
        ('{"figures": {"array_reports": {"value": 0.5}}}', "array_reports is 0.5, and should be from 1"),
        ('{"figures": {"store_row": {"value": 1e300}}}', "store_row is 1e+300, and should be more than 0"),
        ('{"figures": {"store_row": {"value": NaN}}}', "is no JSON"),
        ('{"figures": {"store_row": {"value": 3, "unit": "ms/row"}}}', "is in 'ms/row', and should be in 'µs/row'"),
        ("[" * 5000, "is no"),
    ],
)
def test_a_wrong_file_is_told_what_would_be_right(tmp_path, text, said):
    path = file_of(tmp_path, text)
    with pytest.raises(BadCosts) as error:
        load(path)
    assert str(error.value).startswith(str(path))
    assert said in str(error.value)


def test_a_file_that_is_not_there_or_no_text_is_told(tmp_path):
    with pytest.raises(BadCosts, match="can't be read: no such file"):
        load(tmp_path / "none.json")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadCosts, match="is no JSON"):
        load(tmp_path / "bytes")


def test_what_the_goal_would_give_is_a_costs_file_too():
    goal = load(costs.DEFAULT.with_name("goal.json"))
    demand = Demand(500_000)
    assert plan(demand, goal.costs).processors.pods * 2 < plan(demand, load().costs).processors.pods


def test_the_goals_log_has_the_same_bytes_at_any_rate():
    goal = load(costs.DEFAULT.with_name("goal.json")).costs
    assert {log_bytes(posts, goal) for posts in (1, 300, 4_000, 1e5)} == {30}


def measured():
    kept = Results()
    kept.sections["collector"] = results.section(
        [
            Figure("collector.legacy.fast.cpu", "a", "µs/request", [19.0, 20.0, 30.0]),
            Figure("collector.array.fast.cpu", "b", "µs/request", [65.0]),
            Figure("collector.connection.fast.cpu", "c", "µs/request", [15.0]),  # less than without: noise
            Figure("collector.preflight.fast.cpu", "d", "µs/request"),  # skipped
        ],
        "collector",
    )
    kept.sections["durability"] = results.section([Figure("durability.shipping", "e", "x", [1.25])], "durability")
    return kept


def test_make_bench_writes_what_it_measured_as_a_costs_file(tmp_path):
    path = written.write(measured(), tmp_path)
    figures = json.loads(path.read_text())["figures"]
    assert {name: figure["value"] for name, figure in figures.items()} == {
        "collector_post": 20, "collector_array_report": 5, "collector_ship": 5,
    }  # fmt: skip
    found = load(path)
    assert found.costs.collector_array_report == 5
    assert found.figures["collector_post"].measured == measured().sections["collector"].date[:10]
    assert found.figures["collector_post"].source == "collector.legacy.fast.cpu"
    assert found.costs.collector_preflight == load().costs.collector_preflight


def test_it_says_of_the_logs_bytes_that_they_are_a_backlogs(tmp_path):
    kept = Results()
    kept.sections["sizes"] = results.section([Figure("bytes.log.typical", "log", "B/report", [27.5])], "sizes")
    found = load(written.write(kept, tmp_path))
    assert found.figures["log_bytes"].where.endswith("; as a backlog is shipped")
    assert (found.costs.log_bytes, found.costs.log_bytes_500) == (27.5, load().costs.log_bytes_500)


def test_a_run_that_measured_none_of_it_writes_no_costs_file(tmp_path):
    assert written.write(Results(), tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_each_figure_of_make_bench_that_is_looked_for_has_the_plans_unit():
    """Requests of the benchmark are POSTs, preflights or connections here."""
    units = {name: load().figures[name].unit.partition("/")[0] for name in written._SAME}
    assert set(units.values()) == {"µs", "bytes"}
