"""Every page in every browser at once, with one running program that receives what they report."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from tests.e2e.browsers.engines import ENGINES, Browser
from tests.e2e.browsers.gate import gate
from tests.e2e.browsers.site import HOSTS, site
from tests.e2e.browsers.table import Visit, events, expected, visited
from tests.support.browser import served
from tests.support.certificate import make_certificate
from tests.support.program import Program

PICTURES = Path(__file__).parents[3] / "build" / "browser-failures"  # build/ is not in the repository
_PAGE_SECONDS = 30
_DELIVERY_SECONDS = 60
_WAYS = [
    ("report-uri", "enforce"), ("report-uri", "report"), ("report-to", "enforce"), ("report-to", "report"),
    ("both", "enforce"),
]  # fmt: skip


def visits(browser: str) -> list[Visit]:
    """WebKit only enforces here: what it would block and does not, it reports once or twice, by the moment."""
    return [Visit(browser, *way) for way in _WAYS if browser != "webkit" or way[1] == "enforce"]


class Tour(NamedTuple):
    program: Program
    troubles: list[str]  # pages that did not end as they should, each with its picture


@contextlib.contextmanager
def tour(folder: Path, browsers: Sequence[str]) -> Iterator[Tour]:
    """The program, once all that they report is stored and the browsers are closed."""
    with Program(folder, "--workers", "1") as program, served(site) as address:
        hosts = dict.fromkeys(HOSTS, int(address.rpartition(":")[2])) | {"csp.example": program.collector_port}
        with gate(make_certificate(folder), hosts) as proxy, ThreadPoolExecutor(len(browsers)) as threads:
            gone = threads.map(lambda name: _go(program, name, folder / name, proxy), browsers)
            troubles = [trouble for found in gone for trouble in found]
        yield Tour(program, troubles)


def _go(program: Program, name: str, folder: Path, proxy: int) -> list[str]:
    start, _ = ENGINES[name]
    troubles = []
    wanted: Counter[str] = Counter()
    with contextlib.closing(start(folder, proxy)) as browser:
        for visit in visits(name):
            troubles += [trouble for page in visited(visit) if (trouble := _visit(browser, page, visit))]
            wanted[visit.label] += expected(visit).total()
            _delivered(program, visit.label, wanted[visit.label])
            browser.leave()
    return troubles


def _visit(browser: Browser, page: dict[str, Any], visit: Visit) -> str:
    """Empty, or what is wrong and where its picture is."""
    file = PICTURES / f"{visit.label}-{visit.mode}-{page['name']}.png"
    try:
        found = _told(browser, page, visit)
    except BaseException:
        _keep_picture(browser, file)
        raise
    if not found:
        return ""
    _keep_picture(browser, file)
    return f"{visit.folder}/{page['name']}: {found}; {file}"


def _keep_picture(browser: Browser, file: Path) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    browser.picture(file)


def _told(browser: Browser, page: dict[str, Any], visit: Visit) -> str:
    """Empty, or how much is missing when its time is over."""
    wanted, found = events(page, visit), [0, 0]
    browser.open(f"{visit.folder}/{page.get('from', page['name'])}")
    ends = time.monotonic() + _PAGE_SECONDS
    while time.monotonic() < ends:
        # A page that is just being left has none of it.
        found = browser.ask("typeof finished == 'boolean' && finished ? [seen.length, new Set(seen).size] : [-1, -1]")
        # Both, because Chromium tells of some loads twice: once of the load ahead of the parser.
        if found[0] >= wanted[0] and found[1] >= wanted[1]:
            return ""
        time.sleep(0.02)
    return f"{found} of {wanted} violations (all, different) were told"


def _delivered(program: Program, label: str, reports: int) -> None:
    """Waits for them; what is missing then, a test says."""
    ends = time.monotonic() + _DELIVERY_SECONDS
    while time.monotonic() < ends:
        if program.get(f"/api/ledger?site={label}&limit=1")["stored"] >= reports:
            return
        time.sleep(0.2)
