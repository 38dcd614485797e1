"""The envelope: many deliveries in a record of the log, zstd over msgpack.

Version 1 is `[1, id, collector, created, [delivery, …]]`, and still what one delivery alone is packed in; version 2 has
the members of `Columns` in place of the list. One report a record costs aiokafka 17 µs of CPU and 577 bytes.
"""

import struct
import sys
from collections.abc import Sequence
from typing import Annotated

import msgspec

from schema.columns import MOST_BYTES, MOST_DELIVERIES, Columns, Parts, Unfit, deliveries, parts
from schema.delivery import Delivery

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

VERSION = 2
_LIST = 1  # the version whose deliveries stand in a list
_WINDOW_LOG = 23  # 8 MiB: what every zstd decoder must grant (RFC 8878 §3.1.1.1.2), and more than level 5 uses
_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
# Reports differ after long equal pieces: so the best of 64 places is worth finding (level 5 looks at 8), and no match
# below 6 bytes. A report of typical traffic takes 5.5 µs so in 3 MiB, 3.7 µs in 960 KiB, and fewer bytes the more there
# are: log/packing.py.
_COLUMNS: dict[int, int] = {
    zstd.CompressionParameter.compression_level: 5,
    zstd.CompressionParameter.search_log: 6,
    zstd.CompressionParameter.min_match: 6,
}


class NotAnEnvelope(Exception):
    """The record is no envelope that this or an earlier version wrote; carries why, in a few words."""


class NewerEnvelope(Exception):
    """Written by a newer version of this program: nothing of it may be skipped."""


class Envelope(msgspec.Struct, array_like=True, frozen=True):
    """`version` stays first for ever. `id` is unique for the spool that was packed; `created` in ms since the epoch."""

    version: int
    id: str
    collector: str
    created: int
    deliveries: list[Delivery]


class _Version(msgspec.Struct, array_like=True):
    number: int


class _List(msgspec.Struct, array_like=True):
    version: int
    id: str
    collector: str
    created: int
    deliveries: Annotated[list[Delivery], msgspec.Meta(max_length=MOST_DELIVERIES)]


class _ByColumn(msgspec.Struct, array_like=True):
    version: int
    id: str
    collector: str
    created: int
    columns: Columns


_version = msgspec.msgpack.Decoder(_Version).decode
_list = msgspec.msgpack.Decoder(_List).decode
_by_column = msgspec.msgpack.Decoder(_ByColumn).decode
_encode = msgspec.msgpack.Encoder().encode


def pack(name: str, collector: str, created: int, encoded: Sequence[bytes]) -> bytes:
    """`encoded`: deliveries, as the spool holds them. They are put in another order: like beside like.

    What is no delivery goes as it is: whoever unpacks it says so.
    """
    listed = b"".join((_array_head(len(encoded)), *encoded))
    if len(encoded) > 1:  # one alone has nothing to share, and may be of 64 MiB
        try:
            return _compressed(name, collector, created, parts(listed))
        except Unfit:
            pass
    head = _encode((_LIST, name, collector, created))
    # The head's array gets a fifth member: the deliveries as they are.
    return zstd.compress(b"".join((b"\x95", head[1:], listed)), 3)


def _compressed(name: str, collector: str, created: int, found: Parts) -> bytes:
    """Numbers and bodies in blocks of their own, each with the codes that suit it."""
    raw = memoryview(_encode((VERSION, name, collector, created, (*found.head, found.bodies))))
    bodies = len(raw) - len(found.bodies)
    compressor = zstd.ZstdCompressor(options=_COLUMNS)
    compressor.set_pledged_input_size(len(raw))  # or a small one gets the tables of a large one
    begun = compressor.compress(raw[:bodies], compressor.FLUSH_BLOCK)
    return begun + compressor.compress(raw[bodies:], compressor.FLUSH_FRAME)


def unpack(record: bytes) -> Envelope:
    """Bounded in memory, whatever the record claims. Raises NotAnEnvelope, NewerEnvelope."""
    raw = _decompressed(record)
    try:
        version = _version(raw).number
        if version > VERSION:
            raise NewerEnvelope(f"version {version}, and this program knows up to {VERSION}")
        if version < _LIST:
            raise NotAnEnvelope(f"its version is {version}")
        if version == _LIST:
            listed = _list(raw)
            return Envelope(version, listed.id, listed.collector, listed.created, listed.deliveries)
        found = _by_column(raw)
        return Envelope(version, found.id, found.collector, found.created, deliveries(found.columns))
    except Unfit as error:
        raise NotAnEnvelope(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotAnEnvelope(f"it can't be decoded: {error}") from error


def _decompressed(record: bytes) -> bytes:
    """The size in a frame's head is not believed; output stops at the bound."""
    decompressor = zstd.ZstdDecompressor(options=_OPTIONS)
    try:
        raw = decompressor.decompress(record, MOST_BYTES + 1)
    except zstd.ZstdError as error:
        raise NotAnEnvelope("it is not zstd, or damaged") from error
    if len(raw) > MOST_BYTES:
        raise NotAnEnvelope(f"it unpacks to more than {MOST_BYTES >> 20} MiB")
    if not decompressor.eof:
        raise NotAnEnvelope("it is cut short")
    if decompressor.unused_data:
        raise NotAnEnvelope("something follows it")
    return raw


def _array_head(length: int) -> bytes:
    """MessagePack's array 16 or, where it is too short, array 32."""
    return struct.pack(">BH", 0xDC, length) if length < 1 << 16 else struct.pack(">BI", 0xDD, length)
