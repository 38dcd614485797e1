"""How the engines spell a report. Filled in as text, because a million are made; none of it needs escaping."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loadtest.traffic.model import Report

LEGACY, ARRAY = b"application/csp-report", b"application/reports+json"


def legacy(report: "Report", policy: str) -> bytes:
    """The body of one `report-uri` POST, as the report's browser writes it."""
    return _LEGACY[report.agent.engine](report, policy).encode()


def _chromium(report: "Report", policy: str) -> str:
    place = (
        f'"line-number":{report.line},"column-number":{report.column},"source-file":"{report.source}",'
        if report.source
        else ""
    )
    return (
        f'{{"csp-report":{{"document-uri":"{report.page.url}","referrer":"{report.page.origin}/",'
        f'"violated-directive":"{report.directive}","effective-directive":"{report.directive}",'
        f'"original-policy":"{policy}","disposition":"{report.disposition}","blocked-uri":"{report.blocked}",'
        f'{place}"status-code":200,"script-sample":"{report.sample}"}}}}'
    )


def _firefox(report: "Report", policy: str) -> str:
    """In alphabetical order, with a column even where there is no line."""
    sample = f'"script-sample":"{report.sample}",' if report.sample else ""
    place = f'"line-number":{report.line},' if report.source else ""
    source = f'"source-file":"{report.source}",' if report.source else ""
    return (
        f'{{"csp-report":{{"blocked-uri":"{report.blocked}","column-number":{report.column or 1},'
        f'"disposition":"{report.disposition}","document-uri":"{report.page.url}",'
        f'"effective-directive":"{report.directive}",{place}"original-policy":"{policy}",'
        f'"referrer":"{report.page.origin}/",{sample}{source}"status-code":200,'
        f'"violated-directive":"{report.directive}"}}}}'
    )


def _webkit(report: "Report", policy: str) -> str:
    """The Reporting API's wrapper around it; neither disposition nor sample."""
    place = (
        f',"source-file":"{report.source}","line-number":{report.line},"column-number":{report.column}'
        if report.source
        else ""
    )
    return (
        f'{{"type":"csp-violation","url":"{report.page.url}","csp-report":{{"document-uri":"{report.page.url}",'
        f'"referrer":"{report.page.origin}/","violated-directive":"{report.directive}",'
        f'"effective-directive":"{report.directive}","original-policy":"{policy}","blocked-uri":"{report.blocked}",'
        f'"status-code":200{place}}}}}'
    )


_LEGACY = {"chromium": _chromium, "firefox": _firefox, "webkit": _webkit}


def array(aged: Sequence[tuple["Report", str, int]]) -> bytes:
    """The body of a Reporting API POST, as Chromium writes it: reports with their policies and ages (ms)."""
    return f"[{','.join(_item(*found) for found in aged)}]".encode()


def _item(report: "Report", policy: str, age: int) -> str:
    column = f'"columnNumber":{report.column},' if report.source else ""
    line = f'"lineNumber":{report.line},' if report.source else ""
    source = f'"sourceFile":"{report.source}",' if report.source else ""
    return (
        f'{{"age":{age},"body":{{"blockedURL":"{report.blocked}",{column}"disposition":"{report.disposition}",'
        f'"documentURL":"{report.page.url}","effectiveDirective":"{report.directive}",{line}'
        f'"originalPolicy":"{policy}","referrer":"{report.page.origin}/","sample":"{report.sample}",{source}'
        f'"statusCode":200}},"type":"csp-violation","url":"{report.page.url}","user_agent":"{report.agent.text}"}}'
    )
