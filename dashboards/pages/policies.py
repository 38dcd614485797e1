"""Policies: each that was seen, one of them, and what differs between two."""

from typing import Any, NamedTuple
from urllib.parse import urlencode

from clickhouse_connect.driver.client import Client
from starlette.exceptions import HTTPException

from csp import lint
from dashboards import counts, filters, policies, texts
from dashboards.links import Links
from dashboards.pages import paging
from dashboards.pages.frame import Asking, Page
from dashboards.pages.of_source import addresses
from dashboards.pages.paging import Paged
from dashboards.policy_diff import Changed, diff
from dashboards.query_string import BadParameter

_LISTED = 20
_PROBLEMS = 50


class Policies(NamedTuple):
    """All that policies.html shows. Each item has `earlier`: the address of its diff to the one before, or nothing."""

    links: Links
    listed: Paged
    sites: list[str]


class OnePolicy(NamedTuple):
    """All that policy.html shows."""

    policy: dict[str, Any]
    lines: list[list[str]]  # of each policy its directives
    problems: list[lint.Problem]
    blocks: list[dict[str, Any]]  # each with the `address` of its violations


class Diff(NamedTuple):
    """All that policy_diff.html shows."""

    a: str
    b: str
    changes: list[list[Changed]]  # of each policy
    same: int  # directives
    swapped: str  # the address of it the other way round


def _list(its: Asking) -> Policies:
    site = filters.read(its.given).site
    place = paging.read(its.given)
    found = policies.listed(its.client, site, _LISTED, paging.cursor(place, policies.Cursor))
    items = found["items"]
    for number, item in enumerate(items):
        rest = (other for other in items[number + 1 :] if other["site"] == item["site"])
        earlier = next((other["policy_hash"] for other in rest if other["policy_hash"] != item["policy_hash"]), None)
        item["earlier"] = _diff_address(earlier, item["policy_hash"]) if earlier else ""
    links = Links("/policies", its.given.given)
    return Policies(links, paging.paged(found, place, links), counts.sites(its.client))


def _one(its: Asking) -> OnePolicy:
    found = policies.one(its.client, its.request.path_params["hash"])
    if found is None:
        raise HTTPException(404, "No policy has this hash.")
    text = found["original_policy"]
    return OnePolicy(
        policy=found,
        lines=texts.policies(text),
        problems=lint.problems(text)[:_PROBLEMS],
        blocks=[block | addresses(block) for block in found["blocks"]],
    )


def _diff(its: Asking) -> Diff:
    a, b = (_given(its, name) for name in ("a", "b"))
    changes = diff(_text(its.client, a), _text(its.client, b))
    shown = [[one for one in its if one.how not in {"same", "reordered"}] for its in changes]
    same = sum(map(len, changes)) - sum(map(len, shown))
    return Diff(a, b, shown, same, _diff_address(b, a))


def _given(its: Asking, name: str) -> str:
    found = its.given.text(name)
    if not found:
        raise BadParameter("a and b are the hashes of two policies; choose them in the list.")
    return found


def _text(client: Client, key: str) -> str:
    found = policies.text(client, key)
    if found is None:
        raise HTTPException(404, f"No policy has the hash {key[:64]}, or its text is not known.")
    return found


def _diff_address(a: str, b: str) -> str:
    return "/policies/diff?" + urlencode({"a": a, "b": b})


PAGES = (
    Page("/policies", "policies.html", _list, ("site", "cursor"), filtered=False),
    Page("/policies/diff", "policy_diff.html", _diff, ("a", "b"), filtered=False),
    Page("/policies/{hash}", "policy.html", _one, filtered=False),
)
