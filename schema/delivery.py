"""A delivery: one POST as the collector took it, and the unit of the log.

The raw body travels, so that a better normaliser can be run over what the log still holds.
"""

from enum import IntEnum

import msgspec

KEPT_BYTES = 2048  # of a refused body, for inspection
USER_AGENT_BYTES = 1024  # longer ones are cut; browsers' own stay below 300


class Kind(IntEnum):
    REPORTS = 0  # body: what the browser sent; count: its entries
    REFUSAL = 1  # body: the first KEPT_BYTES; detail: the reason
    VIOLATION = 2  # body: one row of our own export, by `csp-sentinel import`


class Delivery(msgspec.Struct, array_like=True, frozen=True):
    """Fields are sent by position: add new ones at the end, with a default."""

    received_ms: int
    site: str
    kind: int
    count: int
    user_agent: bytes
    body: bytes
    detail: str = ""


encode = msgspec.msgpack.Encoder().encode
"""Takes a Delivery, or a tuple of its fields in order (which is what the hot path makes)."""
decode = msgspec.msgpack.Decoder(Delivery).decode
