"""Channels that fail, told in one sentence however many they are: they hinder the stage in nothing."""

import logging
from collections.abc import Collection

from alerts.record import FAILED, SENT, Parcel
from schema.health import Health

logger = logging.getLogger("sentinel.alerts")
_NAME = "alerts channels"
_UNWELL = 2  # failures in a row, until it is told


class Troubles:
    def __init__(self, health: Health) -> None:
        self._health = health
        self._failing: dict[str, str] = {}  # by channel: its name and why

    def note(self, parcel: Parcel) -> None:
        """After an attempt to send it."""
        if parcel.state == FAILED:
            logger.error("an alert to %s was given up: %s", parcel.channel_name, parcel.error)
        why = f"{parcel.channel_name}: {parcel.error}"
        if parcel.state == SENT:
            self._failing.pop(parcel.channel, None)
        elif parcel.attempts >= _UNWELL and self._failing.get(parcel.channel) != why:
            logger.error("alerts to %s fail: %s", parcel.channel_name, parcel.error)
            self._failing[parcel.channel] = why
        self._tell()

    def forget_all_but(self, channels: Collection[str]) -> None:
        """These are configured now, by key."""
        self._failing = {key: why for key, why in self._failing.items() if key in channels}
        self._tell()

    def _tell(self) -> None:
        if not self._failing:
            self._health.right(_NAME)
            return
        first, *others = self._failing.values()
        more = f", and {len(others)} more" if others else ""
        self._health.wrong(_NAME, f"alerts can't be sent: to {first}{more}", hinders=False)
