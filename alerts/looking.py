"""One look at the store: what is asked about, and by which rules."""

from typing import NamedTuple

from schema.alerting import AlertingOf


class Look(NamedTuple):
    """Times in ms, by the store's clock."""

    now: int
    since: int  # what the store got from then on
    new_since: int  # what it had before is not new
    awake: int  # since when alerts have been running without a gap
    alerting: AlertingOf
