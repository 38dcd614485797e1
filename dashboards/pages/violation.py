"""One violation, with everything that is known of it."""

from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from csp.policy import directive
from dashboards import filters, periods, reproduce, texts, violations
from dashboards.chart import Chart
from dashboards.filters import Filters
from dashboards.links import Links
from dashboards.listed import SHOWN
from dashboards.pages import charts
from dashboards.pages.frame import Asking, Page
from dashboards.rows import FIELDS
from schema.noise import Rule

_POLICIES = 10
_JUDGED = 20  # policies of one header
_ELSEWHERE = 10


class OneViolation(NamedTuple):
    """All that violation.html shows."""

    links: Links
    violation: dict[str, Any]
    fields: tuple[str, ...]
    chart: Chart | None
    rule: Rule | None  # by which it is noise
    policies: list[dict[str, Any]]  # each with `lines`: of each policy of the header, a directive and whether it blocks
    elsewhere: list[dict[str, Any]]  # the same source, on other pages and lines
    question: str  # for `csp-sentinel match`
    page: str  # that does the same


def _page(its: Asking) -> OneViolation:
    one = violations.at_address(its.client, its.request, its.given)
    return OneViolation(
        links=Links("/violations", its.given.given),
        violation=one,
        fields=FIELDS,
        chart=charts.by_noise(one["series"], filters.read(its.given), noise=bool(one["noise"])),
        rule=its.facts.sites().rule(one["site"], one["noise_rule"]) if one["noise_rule"] else None,
        policies=[_marked(one, policy) for policy in one["policies"][:_POLICIES]],
        elsewhere=_elsewhere(its.client, one),
        question=reproduce.question(one),
        page=reproduce.page(one),
    )


def _marked(one: dict[str, Any], policy: dict[str, Any]) -> dict[str, Any]:
    each = texts.policies(policy["original_policy"])
    judged = [_lines(its, reproduce.decides(one, "; ".join(its))) for its in each[:_JUDGED]]
    return policy | {"lines": judged + [_lines(its, "") for its in each[_JUDGED:]]}


def _lines(directives: list[str], blocking: str) -> list[tuple[str, bool]]:
    names = [directive(its).name for its in directives]
    first = names.index(blocking) if blocking in names else None  # the first of a name counts
    return [(its, place == first) for place, its in enumerate(directives)]


def _elsewhere(client: Client, one: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of this week and the last, biggest first."""
    same = Filters(
        site=one["site"], directive=one["effective_directive"], blocked_host=one["blocked_host"],
        blocked_kind=one["blocked_kind"], start=periods.last_monday(),
    )  # fmt: skip
    items: list[dict[str, Any]] = violations.biggest(client, same, _ELSEWHERE + 1, None, SHOWN)["items"]
    return [item for item in items if item["fingerprint"] != one["fingerprint"]][:_ELSEWHERE]


PAGE = Page("/violations/{fingerprint}", "violation.html", _page)
