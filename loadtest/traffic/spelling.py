"""How the engines spell a report. Filled in as text, because a million are made; none of it needs escaping."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from loadtest.traffic.browsers import Agent
from loadtest.traffic.world import Page

LEGACY, ARRAY = b"application/csp-report", b"application/reports+json"


class Report(NamedTuple):
    """What is the same in its repeats. Without a place, `source` is empty and `line` and `column` are 0."""

    agent: Agent
    page: Page
    directive: str
    blocked: str
    source: str
    line: int
    column: int
    sample: str
    disposition: str
    noise: str = ""  # the category
    number: int = 0  # no other has it


def legacy(report: Report, policy: str) -> bytes:
    """The body of one `report-uri` POST, as the report's browser writes it."""
    return _LEGACY[report.agent.engine](report, policy).encode()


def _chromium(report: Report, policy: str) -> str:
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


def _firefox(report: Report, policy: str) -> str:
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


def _webkit(report: Report, policy: str) -> str:
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


def _old(report: Report, policy: str) -> str:
    """With the keys that this browser had, in their order. Directives for elements and attributes came later."""
    directive = report.directive.partition("-elem")[0]
    words = {
        "blocked-uri": report.blocked, "document-uri": report.page.url, "referrer": f"{report.page.origin}/",
        "violated-directive": f"{directive} 'self'", "effective-directive": directive, "original-policy": policy,
        "status-code": 200, "request": f"GET {report.page.url} HTTP/1.1",
        "request-headers": f"Host: {report.page.origin[8:]}\nUser-Agent: {report.agent.text}\n",
    }  # fmt: skip
    return json.dumps({"csp-report": {key: words[key] for key in report.agent.keys if key in words}})


_LEGACY = {"chromium": _chromium, "firefox": _firefox, "webkit": _webkit, "old": _old}


def alone(report: Report, policy: str) -> bytes:
    """The body of WebKit's Reporting API POST: one object, no age. The document stands in for a missing source."""
    return (
        f'{{"type":"csp-violation","url":"{report.page.url}","body":{{"documentURL":"{report.page.url}",'
        f'"disposition":"{report.disposition}","referrer":"{report.page.origin}/",'
        f'"effectiveDirective":"{report.directive}","blockedURL":"{report.blocked}","originalPolicy":"{policy}",'
        f'"statusCode":200,"sample":"{report.sample}","sourceFile":"{report.source or report.page.url}",'
        f'"lineNumber":{report.line},"columnNumber":{report.column or 1}}}}}'
    ).encode()


def array(aged: Sequence[tuple[Report, str, int]]) -> bytes:
    """The body of a Reporting API POST, as Chromium writes it: reports with their policies and ages (ms)."""
    return f"[{','.join(item(*found) for found in aged)}]".encode()


def item(report: Report, policy: str, age: int) -> str:
    column = f'"columnNumber":{report.column},' if report.source else ""
    line = f'"lineNumber":{report.line},' if report.source else ""
    source = f'"sourceFile":"{report.source}",' if report.source else ""
    return (
        f'{{"age":{age},"body":{{"blockedURL":"{report.blocked}",{column}"disposition":"{report.disposition}",'
        f'"documentURL":"{report.page.url}","effectiveDirective":"{report.directive}",{line}'
        f'"originalPolicy":"{policy}","referrer":"{report.page.origin}/","sample":"{report.sample}",{source}'
        f'"statusCode":200}},"type":"csp-violation","url":"{report.page.url}","user_agent":"{report.agent.text}"}}'
    )


def firefox_item(report: Report, policy: str, age: int) -> str:
    """One entry of Firefox's arrays, with its line breaks, and null for what isn't known."""
    body = {
        "documentURL": report.page.url,
        "blockedURL": report.blocked,
        "referrer": f"{report.page.origin}/",
        "effectiveDirective": report.directive,
        "originalPolicy": policy,
        "sourceFile": report.source or None,
        "sample": report.sample or None,
        "disposition": report.disposition,
        "statusCode": 200,
        "lineNumber": report.line or None,
        "columnNumber": report.column or None,
    }
    return firefox_around("csp-violation", body, report.page.url, report.agent, age)


def firefox_around(kind: str, body: Mapping[str, object], url: str, agent: Agent, age: int) -> str:
    inner = ",\n".join(f' "{name}": {json.dumps(value)}' for name, value in body.items())
    return (
        f'\n {{\n  "age": {age},\n  "type": "{kind}",\n  "url": "{url}",\n  "user_agent": "{agent.text}",'
        f'\n  "body": {{\n{inner}\n}}\n\n }}'
    )


def listed(engine: str, items: Sequence[str]) -> bytes:
    """The body of a Reporting API POST that holds `items`, as they were spelled."""
    return f"[{','.join(items)}\n]".encode() if engine == "firefox" else f"[{','.join(items)}]".encode()


_AGE = re.compile(rb'"age":(\s?)(\d+)')  # inside a text its quotes would be escaped


def older(body: bytes, by_ms: int) -> bytes:
    """An array as it is sent later: the same bytes but for the ages. What has none stays as it is."""
    return _AGE.sub(lambda found: b'"age":%b%d' % (found[1], int(found[2]) + by_ms), body)
