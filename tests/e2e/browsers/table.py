"""The table of pages read: what a browser that visits one has to report of it, by transport and mode."""

import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

SHOP, COLLECTOR = "https://shop.example", "https://csp.example"
ANYWHERE = -1  # a line: none, or any of the page
_FIRST_LINE = 2  # of the acts; the page's own script stands before
_TABLE = tomllib.loads((Path(__file__).parent / "pages.toml").read_text())
PAGES: dict[str, dict[str, Any]] = {page["name"]: page for page in _TABLE["page"]}


class Visit(NamedTuple):
    browser: str
    transport: str  # "report-uri", "report-to" or "both"
    mode: str  # "enforce" or "report"

    @property
    def label(self) -> str:
        """Of the site that the reports are sent as."""
        return f"{self.browser}-{self.transport}"

    @property
    def folder(self) -> str:
        return f"{SHOP}/{self.label}/{self.mode}"

    @property
    def words(self) -> set[str]:
        """Where a policy has both ways, the Reporting API is the one that is taken (rule 29)."""
        return {*self, "report-to"} if self.transport == "both" else set(self)


class Violation(NamedTuple):
    """As the API gives it; `disposition` is empty where the browser does not say."""

    document_url: str
    effective_directive: str
    blocked_kind: str
    blocked_url: str
    disposition: str
    source_file: str
    line_number: int
    sample: str
    status_code: int
    referrer: str
    original_policy: str


class Act(NamedTuple):
    """One thing that a page does, as one visit has it: the table's fields with their exceptions applied."""

    fields: dict[str, Any]
    line: int


def headers(page: dict[str, Any], visit: Visit) -> dict[str, str]:
    """Of the answer: the policies, and where the reports go."""
    return reporting(visit, page.get("policy", ""), page.get("report_only", ""))


def reporting(visit: Visit, policies: str, report_only: str = "") -> dict[str, str]:
    found = {"cache-control": "no-store"}
    if "report-to" in visit.words:
        found["reporting-endpoints"] = f'csp="{COLLECTOR}/csp/report/{visit.label}"'
    name = "content-security-policy-report-only" if visit.mode == "report" else "content-security-policy"
    for header, several in ((name, policies), ("content-security-policy-report-only", report_only)):
        if several:
            whole = ", ".join(its + tail(visit) for its in several.split(", "))
            found[header] = f"{found[header]}, {whole}" if header in found else whole
    return found


def tail(visit: Visit) -> str:
    """The reporting directives of every policy."""
    legacy = f"; report-uri {COLLECTOR}/csp/report/{visit.label}"
    return {"report-uri": legacy, "report-to": "; report-to csp", "both": f"{legacy}; report-to csp"}[visit.transport]


def visited(visit: Visit) -> list[dict[str, Any]]:
    """The pages to open, in the table's order."""
    return [page for page in PAGES.values() if not page.get("framed") and visit.mode in page.get("modes", [visit.mode])]


def expected(visit: Visit) -> Counter[Violation]:
    """Of all pages, with how often each is reported; 0 is one that may be."""
    found: Counter[Violation] = Counter()
    for page in visited(visit):
        for one, times, _ in reports(page, visit):
            found[one] += times
    return found


def events(page: dict[str, Any], visit: Visit) -> tuple[int, int]:
    """Of how many violations the page itself is told, and how many of them differ."""
    told = [(its, times) for its, times, heard in reports(page, visit) if heard and times]
    different = {(its.effective_directive, its.blocked_url, its.sample) for its, _ in told}
    return sum(times for _, times in told), len(different)


def reports(page: dict[str, Any], visit: Visit) -> Iterator[tuple[Violation, int, bool]]:
    """Each with how often, and whether an event of the page tells of it."""
    for number, act in enumerate(page.get("act", ())):
        fields = otherwise(act, visit)
        if fields.get("nothing"):
            continue
        for more in ({}, *([fields["also"]] if "also" in fields else [])):
            its = Act(fields | more, _FIRST_LINE + number)
            for one in _violations(page, its, visit):
                yield one, 0 if "maybe" in fields else fields.get("times", 1), fields.get("wait", True)


def otherwise(act: dict[str, Any], visit: Visit) -> dict[str, Any]:
    """The act with the exceptions that hold for this visit."""
    fields = {name: value for name, value in act.items() if name != "but"}
    for other in (*_always(act), *act.get("but", ())):
        if set(other["in"].split()) <= visit.words:
            fields |= other
    return fields


def _always(act: dict[str, Any]) -> list[dict[str, Any]]:
    return [its for its in _TABLE["always"] if its.get("directive", "") in str(act["gives"])]


def _violations(page: dict[str, Any], act: Act, visit: Visit) -> Iterator[Violation]:
    gives = act.fields["gives"]
    lines = act.fields.get("lines") or act.fields.get("line", _place(act.fields, visit))
    given = [gives] if isinstance(gives, str) else gives
    lines = lines if isinstance(lines, list) else [lines] * len(given)
    if len(given) == 1:  # perhaps named in several places
        given = given * len(lines)
    samples = act.fields.get("samples") or [act.fields.get("sample", "")] * len(lines)
    for what, line, sample in zip(given, lines, samples, strict=True):
        for policy, disposition in _policies(page, act, visit):
            yield _violation(page, act, visit, (what, line, sample, policy, disposition))


def _place(fields: dict[str, Any], visit: Visit) -> str:
    """Where the browser says it was, if the table does not."""
    by = fields.get("by", "markup")
    if by == "inline" and visit.words >= {"webkit", "report-uri"}:
        return "none"
    if by == "markup":
        return "parser" if visit.browser == "chromium" else "none"
    return "here"


def _policies(page: dict[str, Any], act: Act, visit: Visit) -> Iterator[tuple[str, str]]:
    enforced = act.fields.get("policy") or page.get("policy", "")
    modes = [(its, visit.mode) for its in enforced.split(", ")]
    if "report_only" in page:
        modes.append((page["report_only"], "report"))
    for number in act.fields.get("by_policies", [0]):
        text, mode = modes[number]
        # WebKit's legacy reports do not say (rule 34).
        said = "" if visit.words >= {"webkit", "report-uri"} else mode
        yield text.replace("nonce-page", "nonce-removed") + act.fields.get("reporting", tail(visit)), said


def _violation(page: dict[str, Any], act: Act, visit: Visit, its: tuple[str, Any, str, str, str]) -> Violation:
    what, line, sample, policy, disposition = its
    directive, kind, *blocked = what.split()
    here = f"~/{page['name']}"
    document = act.fields.get("document", here)
    number = {"here": act.line, "none": 0, "file": 0, "parser": ANYWHERE}.get(line, line)
    legacy_webkit = visit.words >= {"webkit", "report-uri"}
    return Violation(
        _whole(document, visit),
        directive,
        kind,
        _whole(blocked[0] if blocked else "", visit),
        disposition,
        _whole("" if line in {"none", "parser"} else act.fields.get("source", document), visit),
        number,
        "" if legacy_webkit else sample,  # rule 34
        # WebKit's legacy reports of https pages have the status 0, as its code says of anything but http.
        0 if legacy_webkit else act.fields.get("status", page.get("status", 200)),
        _whole(act.fields.get("referrer", ""), visit),
        policy,
    )


def _whole(text: str, visit: Visit) -> str:
    return text.replace("~", visit.folder, 1).replace("LABEL", visit.label).replace("MODE", visit.mode)
