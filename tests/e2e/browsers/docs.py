"""docs/browsers.md, written from the table: `python -m tests.e2e.browsers.docs`."""

from pathlib import Path
from typing import Any

from tests.e2e.browsers.table import PAGES, reports
from tests.e2e.browsers.tour import visits

_PAGE = Path(__file__).parents[3] / "docs" / "browsers.md"
_HEAD = """# What browsers report

What arrives when a page violates its policy, by browser and way: a generated page. `tests/e2e/browsers` has Debian's
Chromium, Firefox and WebKitGTK visit these pages, and fails if the API then holds anything else, or less. "rule 40" is
one of [reports.md](reports.md).

A cell is the number of reports; `1, 2` is one where the policy is enforced and two where it is report-only; — is none.
`uri` is `report-uri`, `to` the Reporting API, which is also what counts where a policy has both. WebKitGTK is asked
with enforced policies only: report-only ones it reports once or twice, by the moment. The blocked URL is as it is
stored; `~` is the folder of the page.

Not here, because no browser of today reports it: `sandbox`, `upgrade-insecure-requests`, `block-all-mixed-content`,
`plugin-types`, `navigate-to`, `prefetch-src`, `webrtc`. `manifest-src` is violated only where a manifest is read, which
is when somebody installs the page.
"""
_COLUMNS = [(browser, way) for browser in ("chromium", "firefox", "webkit") for way in ("report-uri", "report-to")]


def written() -> str:
    rows = [
        "| what the page has | what is reported | Chromium uri | to | Firefox uri | to | WebKit uri | to | why |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_row(page, number) for page in PAGES.values() for number in range(len(page.get("act", ())))),
    ]
    return _HEAD + "\n" + "\n".join(rows) + "\n"


def _row(page: dict[str, Any], number: int) -> str:
    act = page["act"][number]
    alone = page | {"act": [act]}
    gives = [act["gives"]] if isinstance(act["gives"], str) else act["gives"]
    what = ", ".join(f"`{' '.join(dict.fromkeys(its.split()))}`" for its in gives) or "—"
    cells = [_cell(alone, browser, way) for browser, way in _COLUMNS]
    return f"| {' | '.join([act['what'], what, *cells, _why(act)])} |"


def _cell(page: dict[str, Any], browser: str, way: str) -> str:
    counts = [
        _count([times for _, times, _ in reports(page, visit)])
        for visit in visits(browser)
        if visit.transport == way and visit.mode in page.get("modes", [visit.mode])
    ]
    return ", ".join(dict.fromkeys(counts))


def _count(times: list[int]) -> str:
    return str(sum(times) or ("0–1" if times else "—"))


def _why(act: dict[str, Any]) -> str:
    """What changes the numbers, not what changes a line."""
    names = {"chromium": "Chromium", "firefox": "Firefox", "webkit": "WebKit"}
    found = []
    for other in act.get("but", ()):
        if {"nothing", "maybe", "times", "also", "gives"} & other.keys():
            who = next((names[word] for word in other["in"].split() if word in names), "")
            why = f"rule {other['why']}" if other["why"][0].isdigit() else other["why"]
            found.append(f"{who}: {why}".removeprefix(": "))
    return "; ".join(dict.fromkeys(found))


if __name__ == "__main__":
    _PAGE.write_text(written())
