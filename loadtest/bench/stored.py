"""What a data dir's store holds, asked after the measurement: are the figures those of a program that counted right?"""

from pathlib import Path

from loadtest.bench.child import Failed
from loadtest.traffic.model import Totals
from schema.clickhouse import open_chdb

_SUMS = "SELECT sum(reports), uniqExact(fingerprint), count() FROM violations"
_DIRECTIVES = "SELECT toString(effective_directive) AS name, sum(reports) FROM violations GROUP BY name"
_LEDGER = "SELECT toString(outcome) AS name, sum(reports) FROM ledger GROUP BY name"


def check(data_dir: Path, totals: Totals) -> None:
    """Raises Failed where one report is missing, or counted twice."""
    with open_chdb(data_dir / "store") as engine:
        client = engine.client()
        reports, violations, _rows = client.query(_SUMS).result_rows[0]
        by_directive = {str(name): int(reports) for name, reports in client.query(_DIRECTIVES).result_rows}
        ledger = {str(name): int(reports) for name, reports in client.query(_LEDGER).result_rows}
    found = (reports, violations, by_directive, ledger)
    lines = {
        "received": totals.received,
        "stored": totals.reports,
        "ignored": totals.ignored.total(),
        "retried": totals.retried,
    }
    lines = {outcome: reports for outcome, reports in lines.items() if reports}
    wanted = (totals.reports, totals.violations, dict(totals.by_directive), lines)
    if found != wanted:
        raise Failed(f"the store holds {found}, and should hold {wanted}")
