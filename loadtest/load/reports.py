"""Locust's own report of a run, as a page and as CSV, and our looks at it as CSV.

Not by Locust's flags: these write when the program ends, which on its page is after all runs, and its CSV writer now
and then still writes to files that are closed by then.
"""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from locust.env import Environment
from locust.html import get_html_report
from locust.stats import PERCENTILES_TO_REPORT, StatsCSV

from loadtest.load.limits import Look


def write(environment: Environment, looks: list[Look], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text(get_html_report(environment, show_download_link=False), encoding="utf-8")
    locusts = StatsCSV(environment, PERCENTILES_TO_REPORT)
    _csv(folder / "requests.csv", locusts.requests_csv)
    _csv(folder / "failures.csv", locusts.failures_csv)
    _csv(folder / "history.csv", lambda writer: writer.writerows([Look._fields, *looks]))


def _csv(path: Path, fill: Callable[[Any], None]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        fill(csv.writer(file))
