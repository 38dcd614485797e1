"""Files to import: one value a line or spread over many, compressed or torn, of any size."""

import gzip
import io
import json
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.delivery import Delivery
from schema.report import entries
from sentinel.imports import Reading, Skipped, UnreadableFile, read

NOW = 1_795_338_344_000
LEGACY = b'{"csp-report":{"document-uri":"https://a.example/","blocked-uri":"eval"}}'
MODERN = b'{"age":5,"type":"csp-violation","url":"https://a.example/","body":{"documentURL":"https://a.example/"}}'
OTHER = b'{"age":5,"type":"deprecation","url":"https://a.example/","body":{"id":"x"}}'


def all_of(found: bytes) -> list[Delivery | Skipped]:
    return list(Reading(io.BytesIO(found), "here", NOW))


def bodies(found: bytes) -> list[Any]:
    return [json.loads(item.body) if isinstance(item, Delivery) else item for item in all_of(found)]


class TestLayouts:
    @pytest.mark.parametrize(
        "text",
        [
            LEGACY + b"\n" + LEGACY,
            b"\xef\xbb\xbf" + LEGACY + b"\r\n\r\n" + LEGACY + b"\r\n",
            b"\n\n" + LEGACY + LEGACY,
            LEGACY + b",\n" + LEGACY + b",\n",
            b"[" + LEGACY + b"\n," + LEGACY + b"]",
            b"[\n" + LEGACY + b",\n" + LEGACY + b"\n]\n",
            json.dumps([json.loads(LEGACY)] * 2, indent=2).encode(),
            json.dumps([json.loads(LEGACY)] * 2, indent=2).replace("},\n  {", "}, {").encode(),
            2 * (json.dumps(json.loads(LEGACY), indent="\t").encode() + b"\n"),
        ],
    )
    def test_one_a_line_spread_over_lines_or_listed_it_is_the_same(self, text: bytes) -> None:
        assert bodies(text) == [json.loads(LEGACY)] * 2

    def test_a_pretty_printed_array_gives_its_reports_one_by_one(self) -> None:
        text = json.dumps([json.loads(MODERN), json.loads(OTHER)], indent=1).encode()
        assert bodies(text) == [json.loads(MODERN), json.loads(OTHER)]

    def test_a_list_of_rows_or_log_lines_is_as_many_deliveries(self) -> None:
        found = all_of(b'[%b,{"body":"[]"},{"document_uri":"https://a.example/"}]' % LEGACY)
        assert [type(item) for item in found] == [Delivery, Skipped, Delivery]

    def test_brackets_and_quotes_in_strings_bound_nothing(self) -> None:
        report = {"csp-report": {"blocked-uri": 'a"}]{[\\"\\', "script-sample": "\\"}}
        assert bodies(json.dumps([report, report], indent=1).encode()) == [report, report]

    def test_a_list_longer_than_any_line_may_be_is_read_in_pieces(self) -> None:
        # Escapes at every place, so that some stand across the pieces' ends.
        urls = [rb"\"]}\\" * length for length in range(800)]
        reports = [b'{"type":"csp-violation","body":{"documentURL":"https://a.example/%b"}}' % url for url in urls]
        found = all_of(b"[" + b",".join(reports) + b"]")
        assert [item.body for item in found if isinstance(item, Delivery)] == reports

    def test_compressed_files_are_known_by_their_bytes(self, tmp_path: Path) -> None:
        path = tmp_path / "reports.txt"
        path.write_bytes(gzip.compress(LEGACY + b"\n") + gzip.compress(MODERN))
        with read(path, "here", NOW) as reading:
            assert [item.body for item in reading if isinstance(item, Delivery)] == [LEGACY, MODERN]
            assert reading.position == reading.total_bytes == path.stat().st_size

    def test_a_pipe_is_read_as_it_comes(self) -> None:
        receive, send = os.pipe()
        os.write(send, LEGACY + b"\n")
        with read(os.fdopen(receive, "rb"), "here", NOW) as reading:
            assert reading.total_bytes is None
            found = iter(reading)
            os.write(send, MODERN + b"\n")
            os.close(send)
            assert [item.body for item in found if isinstance(item, Delivery)] == [LEGACY, MODERN]

    def test_progress_goes_from_0_to_the_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "reports.ndjson"
        path.write_bytes((LEGACY + b"\n") * 10_000)
        with read(path, "here", NOW) as reading:
            positions = [reading.position, *(reading.position for _ in reading)]
        assert positions[0] == 0
        assert positions == sorted(positions)
        assert positions[-1] == reading.total_bytes == path.stat().st_size


class TestWhatIsSkipped:
    @pytest.mark.parametrize(
        "text, reason",
        [
            (b"text", "not JSON"),
            (b"null", "wrong-shape"),
            (b"{}", "wrong-shape"),
            (b"[]", "an empty list"),
            (b"[[]]", "nothing-usable"),
            (b'{"csp-report":{}}', "nothing-usable"),
            (b'{"csp-report":{"document-uri":"a"}', "not JSON"),
            (b'{"body":"[]"}', "an empty list"),
            (b'{"body":""}', "empty"),
            (b"[" * 10_000 + b"]" * 10_000, "not JSON"),
            (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "not JSON"),
            (LEGACY.decode().encode("utf-16"), "UTF-16"),
            (gzip.compress(LEGACY * 100)[:-12], "from here on"),
            (gzip.compress(LEGACY)[:20] + b"x" * 50, "from here on"),
            (b'{"csp-report":{"document-uri":"' + b"a" * (1 << 20) + b'"}}', "longer than 1 MiB"),
            (b"a" * (3 << 20), "longer than 1 MiB"),
        ],
    )
    def test_each_has_its_reason(self, text: bytes, reason: str) -> None:
        (skipped,) = all_of(text)
        assert isinstance(skipped, Skipped)
        assert reason in skipped.why

    @pytest.mark.parametrize(
        "torn",
        [LEGACY[:40], LEGACY[:-1], LEGACY[:-2], b"[" + LEGACY, b"[{", b'{"a', b"}{", b"{" + b"a" * (1 << 21), b"x"],
    )
    def test_a_torn_line_costs_nothing_but_itself(self, torn: bytes) -> None:
        first = all_of(torn + b"\n" + LEGACY + b"\n" + MODERN + b"\n")
        assert first[0].line == 1 if isinstance(first[0], Skipped) else torn == b"[" + LEGACY
        assert [item.body for item in first if isinstance(item, Delivery)][-2:] == [LEGACY, MODERN]
        later = all_of(LEGACY + b"\n" + torn + b"\n" + MODERN)
        assert [item.line for item in later if isinstance(item, Skipped)] == [2]
        assert len(later) == 3

    def test_the_line_number_is_where_it_starts(self) -> None:
        text = json.dumps([json.loads(LEGACY), {"a": 1}, json.loads(LEGACY)], indent=1).encode()
        assert [item.line for item in all_of(text) if isinstance(item, Skipped)] == [8]

    def test_a_list_that_is_cut_off_gives_what_was_whole(self) -> None:
        found = all_of(b"[\n" + LEGACY + b",\n" + LEGACY[:30])
        assert [type(item) for item in found] == [Delivery, Skipped]

    def test_what_can_t_be_opened_is_told_in_a_sentence(self, tmp_path: Path) -> None:
        for path in (tmp_path, tmp_path / "none", Path("a\0b")):
            with pytest.raises(UnreadableFile, match="can't be read"):
                read(path, "here", NOW)

    def test_an_empty_file_holds_nothing(self) -> None:
        assert all_of(b"") == all_of(b"\n \n") == []

    @given(
        st.lists(
            st.sampled_from([LEGACY, MODERN, b"\n", b"[", b"]", b"{", b"}", b'"', b",", b"\\", b"\xff", b" ", b"1"])
        )
    )
    def test_any_file_is_read_to_its_end(self, parts: list[bytes]) -> None:
        for item in all_of(b"".join(parts)):
            assert isinstance(item, Skipped) or entries(item.body)

    @given(st.binary(max_size=200))
    def test_any_bytes_are_read_to_their_end(self, found: bytes) -> None:
        for item in all_of(found):
            assert isinstance(item, Skipped) or item.count


def test_a_line_of_any_length_needs_little_memory() -> None:
    class Endless(io.RawIOBase):
        left = 30 << 20

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            taken = min(size, self.left)
            self.left -= taken
            return (b'{"a":"' + b"a" * taken)[:taken]

    tracemalloc.start()
    found = list(Reading(Endless(), "here", NOW))  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [type(item) for item in found] == [Skipped]
    assert peak < 10 << 20
