"""A delivery: one POST as the collector took it, and the unit of the log.

The raw body travels, so that a better normaliser can be run over what the log still holds.
"""

from enum import IntEnum
from typing import Annotated

import msgspec

KEPT_BYTES = 2048  # of a refused body, for inspection
USER_AGENT_BYTES = 1024  # longer ones are cut; browsers' own stay below 300


class Kind(IntEnum):
    REPORTS = 0  # body: what the browser sent; count: its entries
    REFUSAL = 1  # body: the first KEPT_BYTES; detail: the reason
    VIOLATION = 2  # body: one row of our own export, by `csp-sentinel import`
    LIMITED = 3  # over the site's rate limit: count reports, no body; detail: RATE_LIMIT


# Why the ledger counts a report as sampled, where it wasn't by lot.
RATE_LIMIT = "rate-limit"
NONE_STORED = "none-stored"  # `sample = 0`: nothing stands for it

# What the store's times and counts can hold: what is outside, no collector wrote, and no insert would ever take.
LATEST_MS = 2**32 * 1000 - 1
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=LATEST_MS)]
MOST_COUNT = 2**46  # of a delivery: a batch's sum stays below 2**63, whatever its deliveries say
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST_COUNT)]
_Word = Annotated[str, msgspec.Meta(max_length=64)]  # it becomes a key of the ledger


class Delivery(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Fields are sent by position: add new ones at the end, with a default."""

    received_ms: Milliseconds
    site: str
    kind: int
    count: Count
    user_agent: bytes
    body: bytes
    detail: _Word = ""
    origin: bytes = b""  # scheme, host and port of the headers Origin and Referer, where they say one
    referer: bytes = b""
    signature: _Word = ""  # of the report URL: valid, missing, invalid, expired; empty where the site has no keys
    environment: _Word = ""  # that a valid one names
    left_out: Count = 0  # reports over the site's rate limit before it, which these stand for too

    @property
    def entries(self) -> int:
        """What it holds, each for itself; the other kinds are one thing, for as many reports as `count` says."""
        return self.count if self.kind == Kind.REPORTS else 1


# Where its fields stand, for who has a tuple of them.
RECEIVED_MS, SITE, KIND, COUNT, USER_AGENT, BODY, DETAIL = range(7)
LEFT_OUT = 11

encode = msgspec.msgpack.Encoder().encode
"""Takes a Delivery, or a tuple of its fields in order (which is what the hot path makes)."""
decode = msgspec.msgpack.Decoder(Delivery).decode
