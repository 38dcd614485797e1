"""Deliveries by column: what an envelope of version 2 holds in place of a list of them.

What they have in common (site, browser, origin…) stands once; then their bodies, like beside like. Of 500 deliveries of
typical traffic zstd makes 2 bytes a report less so, and processors meet the same bytes object for the same browser.
"""

from collections import defaultdict
from itertools import accumulate, count, pairwise
from operator import itemgetter
from typing import Annotated, Any, NamedTuple

import msgspec

from schema.delivery import (
    BODY,
    COUNT,
    KIND,
    LATEST_MS,
    RECEIVED_MS,
    SITE,
    USER_AGENT,
    Count,
    Delivery,
    Milliseconds,
)

MOST_DELIVERIES = 10_000  # taken; a collector packs no more (log/outbox.py)
MOST_BYTES = 72 * 1024 * 1024  # taken: a delivery with the largest body a collector may be told to take (64 MiB)
_Number = Annotated[int, msgspec.Meta(ge=0)]
_EachOne = msgspec.Meta(max_length=MOST_DELIVERIES)  # looked at before any of them is decoded
_decode = msgspec.msgpack.Decoder(list[list[Any]]).decode


class Unfit(Exception):
    """These bytes are no deliveries; carries why."""


class Columns(msgspec.Struct, array_like=True):
    """`heads`: deliveries without time, count and body; `which` of them is each one's."""

    since: Milliseconds
    after: Annotated[list[_Number], _EachOne]  # ms
    heads: Annotated[list[Delivery], _EachOne]
    which: Annotated[list[_Number], _EachOne]
    counts: Annotated[list[Count], _EachOne]
    sizes: Annotated[list[_Number], _EachOne]
    bodies: memoryview  # one after the other; a copy of them would be half of what a record may take


class Parts(NamedTuple):
    """`head`: `Columns` but for its last member, which is `bodies`."""

    head: tuple[object, ...]
    bodies: bytes


def parts(encoded: bytes) -> Parts:
    """Of a msgpack array of deliveries, of at least one. Fields of later versions come along. Raises Unfit."""
    try:
        found = _decode(encoded)
        found.sort(key=itemgetter(BODY))
        numbers: defaultdict[tuple[Any, ...], int] = defaultdict(count().__next__)
        # A head is a delivery with neither time, count nor body.
        which = [numbers[(0, one[SITE], one[KIND], 0, one[USER_AGENT], b"", *one[BODY + 1 :])] for one in found]
        since = min(one[RECEIVED_MS] for one in found)
        bodies = [one[BODY] for one in found]
        head = (
            since, [one[RECEIVED_MS] - since for one in found], list(numbers), which, [one[COUNT] for one in found],
            [len(body) for body in bodies],
        )  # fmt: skip
        return Parts(head, b"".join(bodies))
    except (msgspec.MsgspecError, IndexError, TypeError, ValueError, RecursionError) as error:
        raise Unfit(str(error)) from error


def deliveries(columns: Columns) -> list[Delivery]:
    """Raises Unfit where the columns don't fit together."""
    _check(columns)
    heads = [_in_common(head) for head in columns.heads]
    bodies, since = columns.bodies, columns.since
    places = pairwise(accumulate(columns.sizes, initial=0))
    found = []
    for after, number, counted, (begins, ends) in zip(
        columns.after, columns.which, columns.counts, places, strict=True
    ):
        site, kind, agent, more = heads[number]
        found.append(Delivery(since + after, site, kind, counted, agent, bytes(bodies[begins:ends]), *more))
    return found


def _in_common(head: Delivery) -> tuple[str, int, bytes, tuple[Any, ...]]:
    return head.site, head.kind, head.user_agent, msgspec.structs.astuple(head)[BODY + 1 :]


def _length(head: Delivery) -> int:
    return len(head.site) + len(head.user_agent) + len(head.origin) + len(head.referer)


def _check(columns: Columns) -> None:
    lengths = {len(column) for column in (columns.after, columns.which, columns.counts, columns.sizes)}
    if len(lengths) != 1:
        raise Unfit("its columns are not equally long")
    if max(columns.which, default=-1) >= len(columns.heads):
        raise Unfit("a delivery has a head that is not there")
    if sum(columns.sizes) != len(columns.bodies):
        raise Unfit("its bodies are longer or shorter than it says")
    # A head may be named by each delivery: they are no more than a list of them could hold.
    lengths_of = [_length(head) for head in columns.heads]
    if sum(lengths_of[number] for number in columns.which) + len(columns.bodies) > MOST_BYTES:
        raise Unfit(f"its deliveries are more than {MOST_BYTES >> 20} MiB")
    if columns.since + max(columns.after, default=0) > LATEST_MS:
        raise Unfit("a time is too late")
