"""What a repeat of a batch could decide otherwise, because time has passed or a file has changed: kept with the batch.

The files (sites, and noise rules that are not the program's) may be long, and a batch's memory is short (Kafka keeps
some thousand bytes beside an offset): so their text stands in the store, under its checksum, which a batch remembers.
Labels count nothing, so a repeat under other rules would not count twice; but the tables would differ by label.
"""

import logging
import zlib
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from log.protocols import BATCH_DELIVERIES, DECIDED_BYTES, Batch
from processor.retries import Retries
from schema.inserts import Inserts
from schema.noise import Rules
from schema.sites import Site, Sites

logger = logging.getLogger("sentinel.processor")


class Decided(NamedTuple):
    """`retried`: indexes of the deliveries that repeat an earlier one."""

    retried: set[int]
    sites: Sites


class _Kept(msgspec.Struct, array_like=True):
    retried: bytes  # a bit a delivery; compressed where it is kept
    sites: str  # checksum of the files as they were read; empty without any


class _Files(msgspec.Struct, array_like=True):
    """As the store has them where there are rules; without, it has the table of sites alone."""

    sites: dict[str, Site] | None
    rules: Rules


class Decisions:
    def __init__(self, client: Inserts) -> None:
        self._client = client
        self._retries = Retries()
        self._stored: set[str] = set()  # checksums of sites files the store has

    async def about(self, batch: Batch, sites: Sites) -> Decided:
        """As it was decided before, or by `sites` now; then `batch.decided` says so. Raises ClickHouseError."""
        kept = _kept(batch.decided)
        if kept is None:
            file = await self._store(sites)  # first: it may fail, and what follows must happen once
            kept = _Kept(_bits(self._retries.find(batch.deliveries), len(batch.deliveries)), file)
            batch.decided = msgspec.msgpack.encode(_Kept(zlib.compress(kept.retried), file))
            # The spool's batches may be larger.
            assert len(batch.decided) <= DECIDED_BYTES or len(batch.deliveries) > BATCH_DELIVERIES
        return Decided(_indexes(kept.retried), await self._sites(kept.sites, sites))

    async def _store(self, sites: Sites) -> str:
        """The file is in the store before a batch says it was decided by it."""
        name, text = _written(sites)
        if name and name not in self._stored:
            await self._client.insert("sites_files", [[name], [text]], column_names=["digest", "sites"],
                                      column_oriented=True)  # fmt: skip
            self._stored.add(name)
        return name

    async def _sites(self, name: str, now: Sites) -> Sites:
        if name == _written(now)[0]:
            return now
        if not name:
            return Sites()
        query = "SELECT any(sites) FROM sites_files WHERE digest = {digest:String} GROUP BY digest"
        found = (await self._client.query(query, parameters={"digest": name})).result_rows
        try:
            files = msgspec.json.decode(found[0][0], type=dict[str, Site] | _Files)
            return Sites(files.sites, files.rules) if isinstance(files, _Files) else Sites(files)
        except (IndexError, msgspec.DecodeError):
            logger.warning("the sites file by which a batch was decided is gone, or a newer version's; today's decides")
            return now


def _kept(decided: bytes | None) -> _Kept | None:
    if decided is None:
        return None
    try:
        kept = msgspec.msgpack.decode(decided, type=_Kept)
        return _Kept(zlib.decompress(kept.retried), kept.sites)
    except (msgspec.DecodeError, zlib.error):
        logger.warning("a batch was begun by another version of this program, and is decided anew")
        return None


def _written(sites: Sites) -> tuple[str, str]:
    if sites.table is None and sites.rules is None:
        return "", ""
    files = sites.table if sites.rules is None else _Files(sites.table, sites.rules)
    text = msgspec.json.encode(files, order="deterministic")
    return blake2b(text, digest_size=16).hexdigest(), text.decode()


def _bits(indexes: Sequence[int], length: int) -> bytes:
    bits = bytearray((length + 7) // 8)
    for index in indexes:
        bits[index // 8] |= 1 << index % 8
    return bytes(bits)


def _indexes(bits: bytes) -> set[int]:
    return {place * 8 + bit for place, byte in enumerate(bits) if byte for bit in range(8) if byte >> bit & 1}
