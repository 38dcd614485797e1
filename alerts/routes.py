"""To whom an event is told, and when: by the rules of its site, as they are when it is found."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from alerts.channel import Channel
from alerts.channels import key_of, open_channel
from alerts.events import Event
from alerts.quiet import quiet_until
from alerts.record import Routed
from schema.alerting import AlertingOf

TOGETHER_MS = 1500  # what is found so soon after goes along


class Routes:
    """`webhooks` are those of sites without their own. The file with the others is asked for again each time."""

    def __init__(self, webhooks: tuple[str, ...], secret: str, alerting: Callable[[], AlertingOf]) -> None:
        self._webhooks = webhooks
        self._secret = secret
        self._alerting = alerting
        self._read: AlertingOf | None = None
        self._channels: dict[str, Channel] = {}

    def channels(self) -> Mapping[str, Channel]:
        """All of them, by key."""
        alerting = self._alerting()
        if alerting is not self._read:
            self._read = alerting
            urls = {*self._webhooks, *(alerting.default.webhooks or ())}
            urls.update(url for site in alerting.sites.values() for url in site.webhooks or ())
            self._channels = {key_of(url): open_channel(url, self._secret) for url in sorted(urls)}
        return self._channels

    def route(self, event: Event, now: int) -> Routed:
        """`now` in ms. A kind that is off, or without a title, is told to nobody, and still written down."""
        rules = self._alerting()(event.site)
        urls = self._webhooks if rules.webhooks is None else rules.webhooks
        keys = () if event.kind in rules.off or not event.title else tuple(dict.fromkeys(map(key_of, urls)))
        quiet = quiet_until(rules, datetime.fromtimestamp(now / 1000, UTC))
        due = now + TOGETHER_MS if quiet is None else int(quiet.timestamp() * 1000)
        return Routed(event, due, keys)
