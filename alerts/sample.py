"""The message of `csp-sentinel alerts test`."""

import time
import uuid
from collections.abc import Iterator, Sequence

from alerts.channel import Channel, Failed
from alerts.events import Event
from alerts.message import Message, compose


def sample(console_url: str) -> Message:
    now = int(time.time() * 1000)
    event = Event(
        kind="new-source",
        site="sample",
        directive="script-src-elem",
        blocked="cdn.evil.example",
        time=now,
        title="sample: script-src-elem blocked cdn.evil.example, never seen before (a test, nothing happened)",
        evidence={
            "page": "https://www.shop.example/cart",
            "first_seen": now,
            "source": "https://www.shop.example/app.js:12:34",
            "disposition": "enforce",
            "reports": 3,
            "pages": 2,
            "browsers": ["Chrome", "Firefox"],
            "policy": "script-src 'self'; report-to csp",
            "verdict": "consistent",
            "verdict_reason": "script-src of its own policy blocks it",
            "trust": 100,
            "path": "/violations?site=sample",
        },
    )
    return compose(str(uuid.uuid4()), now, [event], console_url, test=True)


def send(channels: Sequence[Channel], console_url: str) -> Iterator[tuple[str, str]]:
    """To each; its name, and why it failed, or an empty text."""
    for channel in channels:
        try:
            channel.send(sample(console_url))
        except Failed as error:
            yield channel.name, f"failed: {error}"
        else:
            yield channel.name, ""
