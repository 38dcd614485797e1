"""Prometheus' Alertmanager, by its API v2: an alert an event, so that its own routes, silences and groups apply."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from alerts.message import Message
from alerts.webhook import post

_HOLDS = timedelta(hours=1)  # an event is a moment; Alertmanager wants to know when an alert ends
_NAMES = {
    "new-source": "CSPNewSource",
    "returned": "CSPSourceReturned",
    "spike": "CSPSpike",
    "silence": "CSPSilence",
    "new-policy": "CSPNewPolicy",
    "flood": "CSPFlood",
}


class Alertmanager:
    kind = "alertmanager"

    def __init__(self, key: str, name: str, url: str) -> None:
        self.key, self.name = key, name
        scheme, _, rest = url.partition("://")
        place = rest.rstrip("/")
        self._url = f"{'https' if scheme.lower() == 'alertmanagers' else 'http'}://{place}/api/v2/alerts"

    def send(self, message: Message) -> None:
        """Sent again it changes nothing: an alert is known by its labels, and the event's id is one."""
        post(self._url, msgspec.json.encode(alerts(message)), {"Idempotency-Key": message.id})


def alerts(message: Message) -> list[dict[str, Any]]:
    """Those in full and those in a line; how many more there are says the last one."""
    ends = (datetime.now(UTC) + _HOLDS).isoformat()
    found = [_alert(event, message, ends) for event in (*message.events, *message.more)]
    if message.others:
        labels = {"alertname": "CSPMoreAlerts", "severity": "info", "event": message.id}
        found.append({
            "labels": labels, "annotations": {"summary": f"and {message.others:,} more"}, "endsAt": ends,
        })  # fmt: skip
    return found


def _alert(event: dict[str, Any], message: Message, ends: str) -> dict[str, Any]:
    labels = {
        "alertname": "CSPTest" if message.test else _NAMES[event["kind"]],
        "severity": "info" if message.test or event["kind"] == "new-policy" else "warning",
        "site": event["site"],
        "directive": event.get("directive", ""),
        "blocked": event.get("blocked", ""),
        "event": event["id"],
    }
    its = {name: str(value) for name, value in event.items() if name not in {*labels, "title", "kind", "link", "id"}}
    return {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": {"summary": event["title"], **its},
        "startsAt": min(event["time"], datetime.now(UTC).isoformat()),
        "endsAt": ends,
        **({"generatorURL": event["link"]} if "link" in event else {}),
    }
