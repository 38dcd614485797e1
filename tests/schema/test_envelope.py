"""Envelopes come out as they went in; whatever else is in a record is told apart, in bounded memory."""

import contextlib
import os
import struct
import subprocess
import sys
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema import delivery, envelope
from schema.delivery import MOST_COUNT, Delivery, Kind, encode
from schema.envelope import MOST_DELIVERIES, VERSION, Envelope, NewerEnvelope, NotAnEnvelope, pack, unpack
from tests.corpus.captures import captures

zstd = envelope.zstd
WHOLE = Delivery(1_793_577_600_000, "shop", Kind.REPORTS, 1, b"Mozilla/5.0", b'{"csp-report":{"blocked-uri":"inline"}}')
TEXTS = st.text(max_size=20)
TIMES, COUNTS = st.integers(0, 2**32 * 1000 - 1), st.integers(0, MOST_COUNT)
DELIVERIES = st.builds(Delivery, TIMES, TEXTS, st.integers(0, 2), COUNTS, st.binary(), st.binary(), TEXTS, st.binary(),
                       st.binary(), TEXTS, TEXTS)  # fmt: skip


def record(*members: object) -> bytes:
    """Zstd over msgpack of whatever it is."""
    return zstd.compress(msgspec.msgpack.encode(members))


def refused(found: bytes) -> str:
    """Why it is no envelope; any other outcome fails the test."""
    with pytest.raises(NotAnEnvelope) as raised:
        unpack(found)
    assert len(str(raised.value)) < 200
    return str(raised.value)


@given(st.text(), st.text(), TIMES, st.lists(DELIVERIES, max_size=20))
def test_what_was_packed_comes_out_again(name, collector, created, deliveries):
    found = unpack(pack(name, collector, created, [encode(delivery) for delivery in deliveries]))
    found.deliveries.sort(key=encode)
    version = VERSION if len(deliveries) > 1 else 1
    assert found == Envelope(version, name, collector, created, sorted(deliveries, key=encode))


NOW = 0x0000_01A1_7B7B_7B00  # with the byte of a brace in it


def test_like_is_put_beside_like_because_that_is_smaller():
    deliveries = [capture.delivery() for capture in captures("2026")]
    deliveries = [msgspec.structs.replace(one, received_ms=NOW) for one in deliveries][:1000:2]
    packed = pack("id", "host/0", NOW, [encode(one) for one in deliveries])
    as_they_came = zstd.compress(msgspec.msgpack.encode((1, "id", "host/0", NOW, deliveries)), 5)
    assert len(packed) < len(as_they_came) * 0.9
    found = [one.body for one in unpack(packed).deliveries]
    assert found == sorted(found)


@pytest.mark.parametrize("length", [0, 1, 15, 16, 255, 256, MOST_DELIVERIES])
def test_any_number_of_deliveries_up_to_the_most_comes_out(length):
    found = unpack(pack("id", "host/0", 1, [encode(WHOLE)] * length))
    assert found.deliveries == [WHOLE] * length


@pytest.mark.parametrize("length", [MOST_DELIVERIES + 1, 70_000])
def test_more_deliveries_than_the_most_are_refused(length):
    assert "length <= 10000" in refused(pack("id", "host/0", 1, [encode(WHOLE)] * length))
    assert "length <= 10000" in refused(record(1, "id", "host/0", 1, [WHOLE] * length))


def test_the_length_of_any_of_msgpacks_arrays_is_looked_at():
    for head in (b"\x91", struct.pack(">BH", 0xDC, 1), struct.pack(">BI", 0xDD, 1)):
        packed = zstd.compress(b"\x95\x01\xa2id\xa6host/0\x01" + head + encode(WHOLE))
        assert unpack(packed).deliveries == [WHOLE]
    many = struct.pack(">BI", 0xDD, MOST_DELIVERIES + 1) + encode(WHOLE) * (MOST_DELIVERIES + 1)
    assert "length <= 10000" in refused(zstd.compress(b"\x95\x01\xa2id\xa6host/0\x01" + many))


SINCE = 1_793_577_600_000
HEADS = [Delivery(0, "shop", Kind.REPORTS, 0, b"Mozilla/5.0", b""), Delivery(0, "blog", Kind.REFUSAL, 0, b"", b"")]
COLUMNS = {"since": SINCE, "after": [0, 5, 3], "heads": HEADS, "which": [0, 1, 0], "counts": [1, 2, 3],
           "sizes": [2, 0, 4], "bodies": b"{}[{}]"}  # fmt: skip


def by_column(**other: object) -> bytes:
    return record(2, "id", "host/0", 1, list((COLUMNS | other).values()))


def test_a_delivery_is_put_together_from_the_columns():
    assert unpack(by_column()).deliveries == [
        Delivery(SINCE, "shop", Kind.REPORTS, 1, b"Mozilla/5.0", b"{}"),
        Delivery(SINCE + 5, "blog", Kind.REFUSAL, 2, b"", b""),
        Delivery(SINCE + 3, "shop", Kind.REPORTS, 3, b"Mozilla/5.0", b"[{}]"),
    ]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"after": [0, 5]}, "its columns are not equally long"),
        ({"which": []}, "its columns are not equally long"),
        ({"counts": [1] * 4}, "its columns are not equally long"),
        ({"sizes": [6]}, "its columns are not equally long"),
        ({"which": [0, 1, 2]}, "a delivery has a head that is not there"),
        ({"heads": []}, "a delivery has a head that is not there"),
        ({"heads": [[0, "shop", 1, 0, b"u" * 40_000_000, b""], HEADS[1]]}, "its deliveries are more than 72 MiB"),
        ({"which": [0, -1, 0]}, "can't be decoded"),
        ({"sizes": [2, 0, 3]}, "its bodies are longer or shorter than it says"),
        ({"sizes": [2, 0, 2**63]}, "its bodies are longer or shorter than it says"),
        ({"sizes": [8, -6, 4]}, "can't be decoded"),
        ({"bodies": "{}[{}]"}, "can't be decoded"),
        ({"after": [0, 2**32 * 1000, 0]}, "a time is too late"),
        ({"after": [0, -1, 0]}, "can't be decoded"),
        ({"since": 2**32 * 1000}, "can't be decoded"),
        ({"counts": [1, 2, MOST_COUNT + 1]}, "can't be decoded"),
        ({"heads": [*HEADS, 1]}, "can't be decoded"),
        ({"heads": [[0, "shop", 1, 0, b"", b"", "d" * 65]]}, "can't be decoded"),
        ({"heads": [HEADS[0]] * (MOST_DELIVERIES + 1)}, "length <= 10000"),
        ({"sizes": [0] * (MOST_DELIVERIES + 1)}, "length <= 10000"),
    ],
)
def test_columns_that_do_not_fit_together_are_refused(other, why):
    assert why in refused(by_column(**other))


OF_VERSION_1 = (
    "28b52ffd20bbcd0300a4069501a9302f312e7365672f38a6686f73742f30cf000001a1998e4400dc00029ca473686f700001"
    "c40b4d6f7a696c6c612f352e30c4277b226373702d7265706f7274223a7b22626c6f636b65642d757269223a22696e6c696e"
    "65227d7da0c400c400a0a000257761736d0400503008c42ba4d00ea09864"
)


def test_a_record_that_the_program_of_before_packed_is_read():
    """Kafka keeps them for a day, and processors come before collectors."""
    packed = bytes.fromhex(OF_VERSION_1)
    found = unpack(packed)
    assert (found.version, found.id, found.collector, found.created) == (1, "0/1.seg/8", "host/0", SINCE)
    assert found.deliveries == [WHOLE, msgspec.structs.replace(WHOLE, body=b'{"csp-report":{"blocked-uri":"wasm"}}')]


def test_what_is_no_delivery_goes_along_and_is_refused_by_whoever_unpacks():
    """The spool's checksums let nothing like it through."""
    for garbage in (b"garbage", b"\xc1", encode((1, "shop")), encode((1, "shop", 0, 1, b"", "text")), encode([{}] * 6)):
        refused(pack("id", "host/0", 1, [encode(WHOLE), garbage]))


def test_fields_that_a_later_program_put_into_the_spool_go_along():
    later = [encode((*msgspec.structs.astuple(WHOLE), f"more {number}")) for number in range(3)]
    packed = pack("id", "host/0", 1, later)
    assert unpack(packed).deliveries == [WHOLE] * 3
    assert all(b"more %d" % number in zstd.decompress(packed) for number in range(3))


def test_cut_short_at_any_byte_it_is_no_envelope():
    packed = pack("id", "host/0", 1, [encode(WHOLE)] * 3)
    for length in range(len(packed)):
        refused(packed[:length])


def test_cut_short_before_it_was_compressed_it_is_no_envelope():
    raw = zstd.decompress(pack("id", "host/0", 1, [encode(WHOLE)] * 3))
    for length in range(len(raw)):
        refused(zstd.compress(raw[:length]))


@given(st.data())
def test_a_flipped_bit_gives_an_envelope_or_a_refusal_and_nothing_else(data):
    """Kafka's records have a checksum of their own; what is wanted here is that nothing else is raised."""
    packed = bytearray(pack("id", "host/0", 1, [encode(WHOLE)] * 3))
    place = data.draw(st.integers(0, len(packed) - 1))
    packed[place] ^= 1 << data.draw(st.integers(0, 7))
    with contextlib.suppress(NotAnEnvelope, NewerEnvelope):
        unpack(bytes(packed))


@given(st.binary(max_size=200))
def test_random_bytes_are_no_envelope(found):
    refused(found)
    refused(b"\x28\xb5\x2f\xfd" + found)  # zstd's mark
    with contextlib.suppress(NotAnEnvelope, NewerEnvelope):
        unpack(zstd.compress(found))


@pytest.mark.parametrize(
    "members",
    [
        ("1", "id", "host/0", 1, []),
        (1.0, "id", "host/0", 1, []),
        (True, "id", "host/0", 1, []),
        (None, "id", "host/0", 1, []),
        (1, 5, "host/0", 1, []),
        (1, b"id", "host/0", 1, []),
        (1, "id", None, 1, []),
        (1, "id", "host/0", "1", []),
        (1, "id", "host/0", 1, None),
        (1, "id", "host/0", 1, {}),
        (1, "id", "host/0", 1, "deliveries"),
        (1, "id", "host/0", 1, [1]),
        (1, "id", "host/0", 1, [{"received_ms": 1}]),
        (1, "id", "host/0", 1, [[1, "shop", 0, 1, b""]]),
        (1, "id", "host/0", 1, [[1, "shop", 0, 1, b"", "text, not bytes"]]),
        (1, "id", "host/0", 1, [["1", "shop", 0, 1, b"", b""]]),
        (1, "id", "host/0", 1, [[1, 5, 0, 1, b"", b""]]),
        (1, "id", "host/0", 1),
        (1,),
        (),
    ],
)
def test_members_of_a_wrong_type_are_refused(members):
    refused(record(*members))


@pytest.mark.parametrize("time", [-1, 2**32 * 1000, 2**63, 2**64 - 1])
def test_a_time_that_the_store_could_not_hold_is_refused(time):
    refused(record(1, "id", "host/0", 1, [[time, "shop", 0, 1, b"", b""]]))


@pytest.mark.parametrize("count", [-1, MOST_COUNT + 1, 2**64 - 1])
def test_a_count_that_nobody_has_counted_is_refused(count):
    refused(record(1, "id", "host/0", 1, [[1, "shop", 0, count, b"", b""]]))


def test_a_reason_longer_than_any_is_refused():
    """It becomes a key of the ledger."""
    refused(record(1, "id", "host/0", 1, [[1, "shop", 1, 1, b"", b"", "d" * 65]]))


@pytest.mark.parametrize("raw", [b"", b"\xc0", b"\x01", b"\x81\xa1a\x01", b"\xc1", b"\x95"])
def test_what_is_no_array_is_refused(raw):
    refused(zstd.compress(raw))


def test_text_that_is_no_utf_8_is_refused():
    refused(zstd.compress(b"\x95\x01\xa2\xff\xfe\xa6host/0\x01\x90"))


def test_an_envelope_may_hold_no_delivery_and_a_delivery_no_report():
    assert unpack(pack("id", "host/0", 1, [])).deliveries == []
    none = Delivery(1, "shop", Kind.REPORTS, 0, b"", b"[]")
    assert unpack(pack("id", "host/0", 1, [encode(none)])).deliveries == [none]


@pytest.mark.parametrize("version", [VERSION + 1, 200, 2**32, 2**64 - 1])
def test_a_newer_version_is_told_from_damage_whatever_comes_after_the_number(version):
    for rest in ([], ["id"], [1, 2, 3], ["id", "host/0", 1, [], "more"], [{"a": [1]}]):
        with pytest.raises(NewerEnvelope, match=f"version {version}, and this program knows up to {VERSION}"):
            unpack(record(version, *rest))


@pytest.mark.parametrize("version", [0, -1, -(2**63)])
def test_a_version_nobody_wrote_is_refused(version):
    assert refused(record(version, "id", "host/0", 1, [])) == f"its version is {version}"


def test_fields_that_a_later_program_adds_at_an_arrays_end_are_passed_over():
    known = msgspec.to_builtins(WHOLE, builtin_types=(bytes,))
    assert unpack(record(1, "id", "host/0", 1, [[*known, "more"]], "more")).deliveries == [WHOLE]
    heads = [[*msgspec.to_builtins(head, builtin_types=(bytes,)), "more"] for head in HEADS]
    later = record(2, "id", "host/0", 1, [*(COLUMNS | {"heads": heads}).values(), "more"], "more")
    assert unpack(later) == unpack(by_column())


def test_extra_bytes_behind_it_are_refused():
    packed = pack("id", "host/0", 1, [encode(WHOLE)])
    assert refused(packed + b"\0") == "something follows it"
    assert refused(packed + packed) == "something follows it"
    refused(zstd.compress(zstd.decompress(packed) + b"\0"))


def test_a_delivery_with_the_largest_body_a_collector_may_take_passes():
    body = os.urandom(64 * 1024 * 1024)
    largest = Delivery(2**32 * 1000 - 1, "s" * 63, Kind.REPORTS, 10**9, b"a" * 1024, body, "d" * 64)
    assert unpack(pack("i" * 80, "h" * 300, 1, [encode(largest)])).deliveries == [largest]


@pytest.mark.parametrize(("year", "first"), [("2015", 0), ("2015", 450), ("2026", 0), ("2026", 350), ("2026", 700)])
def test_500_deliveries_take_at_most_30_bytes_a_report(year, first):
    deliveries = [capture.delivery() for capture in captures(year)][first : first + 500]
    packed = pack(f"{0:032x}/{0:020d}.seg/0", "collector-0/0", 1, [encode(delivery) for delivery in deliveries])
    assert len(packed) / sum(delivery.count for delivery in deliveries) <= 30


HEAD = b"\x95\x01\xa2id\xa6host/0\x01"  # of an envelope, up to its deliveries


def test_a_delivery_of_an_earlier_version_is_read_as_it_was_meant():
    """Spools and logs outlive the program that wrote them."""
    fields = (1_793_577_600_000, "shop", Kind.REPORTS, 1, b"Mozilla/5.0", b"{}", "detail", b"https://shop.example")
    for length in (6, 7, 8):
        assert delivery.decode(encode(fields[:length])) == Delivery(*fields[:length])
    [found] = unpack(pack("id", "host/0", 1, [encode(fields[:6])])).deliveries
    assert (found.origin, found.referer, found.signature, found.environment) == (b"", b"", "", "")


EMPTY = encode(Delivery(1, "", 0, 1, b"", b""))


def wide(bits: int) -> bytes:
    """Zeros in a frame that wants a window of so many bits."""
    made = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: bits})
    return made.compress(bytes(2**20)) + made.flush()


BY_COLUMN = HEAD.replace(b"\x01", b"\x02", 1) + b"\x97\x01"  # up to the first of the columns


# Each makes some kilobytes.
BOMBS: dict[str, Callable[[], bytes]] = {
    "a gibibyte of zeros": lambda: zstd.compress(bytes(2**30)),
    "a gibibyte in many frames": lambda: zstd.compress(bytes(2**20)) * 1024,
    "deliveries by the million": lambda: zstd.compress(HEAD + struct.pack(">BI", 0xDD, 5_000_000) + EMPTY * 5_000_000),
    "an array that claims four billion": lambda: zstd.compress(HEAD + b"\xdd\xff\xff\xff\xff" + EMPTY * 10),
    "an array of ten thousand that ends at once": lambda: zstd.compress(HEAD + struct.pack(">BI", 0xDD, 10_000)),
    "a body that claims four gigabytes": lambda: zstd.compress(HEAD + b"\x91" + EMPTY[:-3] + b"\xc6\xff\xff\xff\xff"),
    "arrays in arrays": lambda: zstd.compress(HEAD + b"\x91" * 60_000_000),
    "arrays in a delivery": lambda: zstd.compress(HEAD + b"\x91\x98" + EMPTY[1:] + b"\x91" * 60_000_000),
    "columns by the million": lambda: by_column(sizes=[0] * 5_000_000),
    "heads by the million": lambda: by_column(heads=[HEADS[1]] * 3_000_000),
    "a column that claims four billion": lambda: zstd.compress(BY_COLUMN + b"\xdd\xff\xff\xff\xff" + bytes(10)),
    "a column of arrays in arrays": lambda: zstd.compress(BY_COLUMN + b"\x91" * 60_000_000),
    "many bodies of one": lambda: by_column(bodies=bytes(60_000_000)),
    "a head that claims an exbibyte": lambda: b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 2**60) + b"\3\0\0\0" * 100,
    "a head that claims too little": lambda: b"\x28\xb5\x2f\xfd\xa0\x0a\0\0\0" + zstd.compress(bytes(2**24))[9:],
    "a window of 128 MiB": lambda: wide(27),
}
OPEN = """
import resource, sys
from schema.envelope import NotAnEnvelope, unpack
bomb = open(sys.argv[1], "rb").read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    unpack(bomb)
except NotAnEnvelope:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_in_bounded_memory(make, tmp_path):
    """By the peak of a process that gets it ready made."""
    bomb = tmp_path / "bomb"
    bomb.write_bytes(make())
    assert bomb.stat().st_size < 100_000
    opened = subprocess.run([sys.executable, "-c", OPEN, bomb], check=True, capture_output=True, timeout=60)
    assert int(opened.stdout) / 1024 < 200  # MiB: at most 72 are unpacked, and twice in memory while they are joined


def test_the_fields_of_a_delivery_stand_where_they_are_said_to():
    for name in ("RECEIVED_MS", "SITE", "KIND", "COUNT", "USER_AGENT", "BODY", "DETAIL", "LEFT_OUT"):
        assert Delivery.__struct_fields__[getattr(delivery, name)] == name.lower()
