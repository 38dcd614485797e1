"""What one report is worth, 0 to 100, and what took from it: anyone can post one. Pure."""

from functools import lru_cache
from typing import NamedTuple

from processor import engines
from processor.stored import Origins, origins_of
from processor.urls import read_url
from schema.delivery import Delivery
from schema.report import Entry
from schema.sites import Site
from schema.violation import Violation

# Names are stored, and shown: add some, rename none. Alone, what is above 60 takes a source out of the alerts, also
# where the report's own policy blocks what it says: whoever makes one up knows that much.
TAKES = {
    "impossible": 60,  # its own policy allows what it says was blocked
    "no-user-agent": 40,  # every browser sends one, but an import may not know it
    "not-a-browser": 70,  # curl and its like
    "unknown-browser": 40,
    "shape-not-the-browsers": 65,  # this engine sends no such envelope
    "keys-not-the-browsers": 65,  # no browser spells fields so
    "fields-not-the-browsers": 25,  # what this engine always sends is missing, or there is what it never sends
    "agents-differ": 30,  # the report names another browser than the request
    "origin-elsewhere": 65,  # sent by a page of another origin than the document's
    "referer-elsewhere": 30,
    "signature-missing": 65,  # only where the site requires one
    "signature-invalid": 70,
    "signature-expired": 25,
}
_WEB = ("https://", "http://")
_LONGEST = 300  # characters of an origin with a host of 253
CONSISTENT = 10  # given back where the report's own policy does block what it says


class Trust(NamedTuple):
    score: int
    reasons: str  # joined by blanks


_FULL = Trust(100, "")


def trust(violation: Violation, entry: Entry, delivery: Delivery, site: Site, origins: Origins | None = None) -> Trust:
    """`violation` as far as it is made of `entry`, its verdict too."""
    sent = b"" if entry.user_agent is None else delivery.user_agent
    found = _of_the_browser(violation.user_agent, sent, engines.likeness(entry))
    if violation.verdict == "impossible":
        found = (*found, "impossible")
    if (delivery.origin or delivery.referer) and violation.effective_directive != "frame-ancestors":
        document = (origins or origins_of(violation)).document
        elsewhere = _known_elsewhere if len(document) <= _LONGEST else _elsewhere
        found += elsewhere(document, delivery.origin, delivery.referer)
    if site.require_signature and (reason := f"signature-{delivery.signature}") in TAKES:
        found = (*found, reason)
    if not found:
        return _FULL
    left = 100 - sum(TAKES[reason] for reason in found) + (CONSISTENT if violation.verdict == "consistent" else 0)
    return Trust(max(0, min(100, left)), " ".join(found))


@lru_cache(maxsize=4096)
def _of_the_browser(user_agent: str, sent: bytes, likeness: engines.Likeness) -> tuple[str, ...]:
    """`user_agent` as the report has it, `sent` as its request had it, where both do."""
    strange = engines.suspicion(user_agent, likeness)
    if strange in engines.STRANGERS:
        return (strange,)
    found = (strange,) if strange else ()
    return (*found, "agents-differ") if sent and _differ(user_agent, sent) else found


def _differ(user_agent: str, sent: bytes) -> bool:
    """By engine and version: the header may be cut, and proxies add to it."""
    return engines.engine(user_agent) != engines.engine(sent.decode(errors="replace"))


def _elsewhere(document: str, origin: bytes, referer: bytes) -> tuple[str, ...]:
    """What isn't sent says nothing, nor does a document without an origin of its own (srcdoc, blob:, data:).

    A framed document's referrer is the page that frames it, and that is whom frame-ancestors is about.
    """
    if not document.startswith(_WEB):
        return ()
    found = []
    if origin and not _is_under(document, _spelled(origin)):
        found.append("origin-elsewhere")
    if referer and not _is_under(document, _spelled(referer)):
        found.append("referer-elsewhere")
    return tuple(found)


_known_elsewhere = lru_cache(maxsize=4096)(_elsewhere)  # sites have few origins


def _is_under(url: str, origin: str) -> bool:
    return url.startswith(origin) and url[len(origin) : len(origin) + 1] in {"", "/", "?"}


def _spelled(origin: bytes) -> str:
    """As the URL of a document there is stored."""
    return read_url(origin.decode(errors="replace")).text.rstrip("/")
