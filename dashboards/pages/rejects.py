"""What was refused: how much for which reason, what that means, and the newest bodies."""

from typing import Any, NamedTuple

from dashboards import counts, ledger, periods, rejects
from dashboards.links import Links
from dashboards.pages import paging
from dashboards.pages.frame import Asking, Page
from dashboards.pages.paging import Paged
from dashboards.reject_words import WORDS, Words
from schema.reasons import Reason

_LISTED = 20


class Rejects(NamedTuple):
    """All that rejects.html shows."""

    links: Links
    period: str
    periods: list[tuple[str, str, bool]]
    sites: list[str]
    reasons: list[dict[str, Any]]  # each with its count in the period, words and address
    received: int
    reason: str
    words: dict[str, Words]  # by reason
    listed: Paged


def _page(its: Asking) -> Rejects:
    reason = its.given.one_of("reason", ("", *rejects.REASONS)) or ""
    place = paging.read(its.given)
    period = periods.read(its.given, "/rejects")
    sums = ledger.sums(its.client, period.asked).sides
    found = rejects.newest(its.client, period.asked.site, reason, _LISTED, paging.cursor(place, rejects.Cursor))
    return Rejects(
        links=period.links,
        period=period.words,
        periods=periods.links(period),
        sites=counts.sites(its.client),
        reasons=[_reason(period.links, name, count) for name, count in sums["rejected"].items()],
        received=sums["received"],
        reason=reason,
        words={str(name): words for name, words in WORDS.items()},
        listed=paging.paged(found, place, period.links),
    )


def _reason(links: Links, name: str, count: int) -> dict[str, Any]:
    """The ledger has `other` where there are too many, and perhaps reasons of another version."""
    known = name in rejects.REASONS
    return {
        "name": name,
        "reports": count,
        "words": WORDS[Reason(name)] if known else Words("Counted together.", ""),
        "address": links.here(reason=name) if known else "",
    }


PAGE = Page("/rejects", "rejects.html", _page, ("site", "reason", "from", "to", "cursor"), filtered=False)
