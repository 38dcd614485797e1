"""A message: some events for one channel, as JSON for programs and as text for people."""

from collections.abc import Sequence
from typing import Any

import msgspec

from alerts.events import Event
from alerts.texts import clean, moment
from schema.names import EVIDENCE_TIMES
from schema.written import times, written_ms

FULL, LISTED = 10, 50  # events with all evidence, then those in a line each; the others are counted
_LONGEST = {"policy": 600, "page": 300, "source": 300, "note": 300, "verdict_says": 200, "spread": 400}
_LINES = (
    ("page", "first page"),
    ("disposition", "disposition"),
    ("source", "source"),
    ("sample", "sample"),
    ("policy", "policy"),
)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """As it is stored and sent: again and again the same, whatever changes meanwhile."""

    id: str
    made: str  # RFC 3339
    title: str
    text: str
    events: list[dict[str, Any]]
    more: list[dict[str, Any]]  # id, kind, site, directive, blocked, time, title, link
    others: int = 0
    test: bool = False
    version: int = 1


def compose(
    its_id: str,
    made: int,
    events: Sequence[Event],
    console_url: str,
    *,
    others_of: Sequence[str] = (),
    test: bool = False,
) -> Message:
    """Of some events, the biggest first, FULL + LISTED at most, and of others that are only counted, a site each.

    `made` in ms.
    """
    ordered = sorted(events, key=lambda event: (weight(event), event.id), reverse=True)
    full, listed, others = ordered[:FULL], ordered[FULL:], len(others_of)
    parts = [_told(event, console_url) for event in full]
    if listed:
        parts.append("\n".join(["and also:", *(f"- {event.title}" for event in listed)]))
    if others:
        parts.append(f"and {others:,} more: {console_url}/alerts")
    return Message(
        id=its_id,
        made=written_ms(made),
        title=_title(ordered, others_of),
        text="\n\n".join(parts),
        events=[_whole(event, console_url) for event in full],
        more=[_known(event, console_url) for event in listed],
        others=others,
        test=test,
    )


def weight(event: Event) -> tuple[int, int, int, int]:
    """What is about a whole site first, then what is most credible, what has evidence, and what there is most of."""
    found = event.evidence
    shows = event.kind not in {"new-source", "returned"} or "page" in found
    return event.kind in {"spike", "silence"}, found.get("trust", 0), shows, found.get("reports", 0)


def _title(events: Sequence[Event], others_of: Sequence[str]) -> str:
    many = len(events) + len(others_of)
    if many == 1:
        return events[0].title
    sites = sorted({event.site for event in events}.union(others_of))
    where = ", ".join(clean(site, 63) for site in sites[:3]) + (f" and {len(sites) - 3} more" if len(sites) > 3 else "")
    return f"{where}: {many:,} alerts, first of all {events[0].title.partition(': ')[2]}"


def _told(event: Event, console_url: str) -> str:
    found = event.evidence
    lines = [event.title]
    lines += [f"  {label}: {_short(found, name)}" for name, label in _LINES if found.get(name)]
    lines += [f"  {line}" for line in (_reach(found), _verdict(found), _trust(found)) if line]
    lines += [f"  {_short(found, name)}" for name in ("spread", "note") if found.get(name)]
    lines.append(f"  {console_url}{found['path']}")
    return "\n".join(lines)


def _short(found: dict[str, Any], name: str) -> str:
    text = clean(str(found[name]), _LONGEST.get(name, 200))
    if name == "policy":
        return f"{clean(found.get('policy_hash', ''), 32)} {text}".strip()
    return f"{text}, {moment(found['first_seen'])}" if name == "page" and "first_seen" in found else text


def _reach(found: dict[str, Any]) -> str:
    """Reports, pages and browsers, as far as they are known."""
    parts = [times(found["reports"], "report")] if "reports" in found else []
    parts += [times(found["pages"], "page")] if "pages" in found else []
    if found.get("browsers"):
        parts.append(", ".join(clean(browser, 40) for browser in found["browsers"][:8]))
    return f"reach: {', '.join(parts)}" if parts else ""


def _verdict(found: dict[str, Any]) -> str:
    if not found.get("verdict"):
        return ""
    why = found.get("verdict_says") or found.get("verdict_reason", "")
    return f"verdict: {clean(found['verdict'], 40)} ({clean(why, _LONGEST['verdict_says'])})"


def _trust(found: dict[str, Any]) -> str:
    if "trust" not in found:
        return ""
    reasons = ", ".join(clean(reason, 40) for reason in found.get("trust_reasons", []))
    return f"trust: {found['trust']} of 100{f' ({reasons})' if reasons else ''}"


def _known(event: Event, console_url: str) -> dict[str, Any]:
    """Cleaned and shortened like the text, because whoever takes it may show it."""
    return {
        "id": event.id,
        "kind": event.kind,
        "site": event.site,
        "directive": clean(event.directive, 60),
        "blocked": clean(event.blocked, 255),
        "time": written_ms(event.time),
        "title": event.title,
        "link": console_url + event.evidence["path"],
    }


def _whole(event: Event, console_url: str) -> dict[str, Any]:
    its = _known(event, console_url)
    for name, value in event.evidence.items():
        if name == "path":
            continue
        if name in EVIDENCE_TIMES:
            its[name] = written_ms(value)
        elif isinstance(value, str):
            its[name] = clean(value, _LONGEST.get(name, 300))
        elif isinstance(value, list):
            its[name] = [clean(part, 60) for part in value[:32]]
        else:
            its[name] = value
    return its
