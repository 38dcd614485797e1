"""`demo`: made-up reports that are spelled like browsers' own, and a sender whose totals are exact."""

import json
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from processor.fold import fold
from schema.delivery import Delivery, Kind
from schema.report import EntryKind, count, entries
from schema.sites import Sites
from sentinel.demo import DemoStopped, Post, Totals, make, run, send
from tests.corpus.captures import all_captures

POSTS = list(make(7, 3000))
CAPTURES = Path(__file__).parent.parent / "corpus" / "captures-2026.jsonl"


def spellings(body: bytes, user_agent: str) -> Iterator[tuple[object, ...]]:
    """What tells engines apart: who, whether listed, the keys around and the keys inside, in order."""
    engine = "Firefox" if "Firefox" in user_agent else "Chrome" if "Chrome/" in user_agent else "Safari"
    found = json.loads(body.decode("utf-8", "replace"))
    for item in found if isinstance(found, list) else [found]:
        if item.get("type", "csp-violation") == "csp-violation":
            yield engine, isinstance(found, list), tuple(item), tuple(item.get("csp-report", item.get("body")))


def violations(posts: list[Post]) -> Iterator[dict[str, Any]]:
    for post in posts:
        for entry in entries(post.body):
            if entry.kind is EntryKind.VIOLATION:
                yield entry.body | {"age": entry.age, "agent": post.agent.text}


def field(body: dict[str, Any], modern: str, legacy: str) -> Any:
    return body.get(modern, body.get(legacy))


class TestMake:
    def test_the_same_seed_gives_the_same_posts(self) -> None:
        assert list(make(7, 3000)) == POSTS
        assert list(make(8, 3000)) != POSTS

    @pytest.mark.parametrize("reports", [0, 1, 29, 1000])
    def test_it_gives_as_many_reports_as_asked_for(self, reports: int) -> None:
        assert sum(post.reports for post in make(1, reports)) == reports

    def test_its_reports_are_worth_as_much_as_browsers_own(self) -> None:
        for post in POSTS:
            delivery = Delivery(1_793_577_600_000, "shop", Kind.REPORTS, 1, post.agent.text.encode(), post.body)
            rows = fold([delivery], (), Sites()).rows.values()
            assert {row.violation.trust_reasons for row in rows} <= {"", "impossible"}  # one of the things shown

    def test_every_post_holds_what_it_promises(self) -> None:
        for post in POSTS:
            found = Counter(entry.kind for entry in entries(post.body))
            assert count(post.body) == post.reports + sum(post.ignored.values())
            assert found[EntryKind.VIOLATION] == post.reports
            types = Counter(entry.type for entry in entries(post.body) if entry.kind is EntryKind.OTHER)
            assert dict(types) == post.ignored

    def test_no_two_arrays_of_chromium_are_equal_but_for_their_ages(self) -> None:
        """The second would be taken for one that is sent again."""

        def without_ages(post: Post) -> str:
            return json.dumps([item | {"age": 0} for item in json.loads(post.body)])

        arrays = [post for post in POSTS if post.body[:1] == b"[" and post.agent.engine == "chromium"]
        assert len({without_ages(post) for post in arrays}) == len(arrays)

    def test_both_formats_come_with_their_content_types(self) -> None:
        for post in POSTS:
            assert (post.content_type == b"application/reports+json") == (post.body[:1] == b"[")
        shapes = Counter(post.body[:8] for post in POSTS)
        assert {b'{"csp-re', b'[{"age":', b'[\n {\n  "', b'{"type":'} <= set(shapes)
        assert {0, 1, 2, 20} <= {post.reports for post in POSTS}

    def test_reports_are_spelled_as_their_browsers_were_seen_to_spell_them(self) -> None:
        seen = {spelling for one in all_captures() for spelling in spellings(one.body, one.user_agent)}
        made = {spelling for post in POSTS for spelling in spellings(post.body, post.agent.text)}
        assert made <= seen
        assert len({spelling[:2] for spelling in made}) == 5

    def test_firefox_s_arrays_have_its_line_breaks(self) -> None:
        def bare(body: str) -> str:
            return re.sub(r'("\w+":) .*?(,?)$', r"\1\2", body, flags=re.MULTILINE)

        captures = [json.loads(line) for line in CAPTURES.read_text().splitlines()]
        seen = {bare(capture["body"]) for capture in captures if capture.get("body", "").startswith("[\n")}
        made = {bare(post.body.decode()) for post in POSTS if post.body.startswith(b"[\n") and post.reports < 3}
        assert len(made) == 2
        assert made <= seen

    def test_an_array_names_the_browser_that_sends_it(self) -> None:
        for post in POSTS:
            if post.body[:1] == b"[":
                assert {item["user_agent"] for item in json.loads(post.body)} == {post.agent.text}

    def test_ages_are_spread_over_the_last_hour(self) -> None:
        ages = [body["age"] for body in violations(POSTS) if body["age"] is not None]
        assert min(ages) >= 0
        assert max(ages) <= 3_600_000
        assert {age // 600_000 for age in ages} >= {0, 1, 2, 3, 4, 5}

    def test_it_shows_every_kind_of_thing(self) -> None:
        blocked = Counter(str(field(body, "blockedURL", "blocked-uri")) for body in violations(POSTS))
        assert blocked.keys() >= {
            "inline", "eval", "data", "blob", "wasm-eval", "trusted-types-sink", "chrome-extension",
        }  # fmt: skip
        assert {body.get("disposition") for body in violations(POSTS)} == {"enforce", "report", None}
        assert len({post.origin for post in POSTS}) >= 5
        assert sum((Counter(post.ignored) for post in POSTS), Counter()).keys() >= {"deprecation", "intervention"}

    def test_an_intruder_appears_only_lately(self) -> None:
        found = [body for body in violations(POSTS) if "cdn-jquery" in str(field(body, "blockedURL", "blocked-uri"))]
        assert len(found) > 50
        assert all((body["age"] or 0) <= 13 * 60_000 for body in found)
        assert {field(body, "documentURL", "document-uri").split("?")[0] for body in found} == {
            "https://www.shop.example/cart"
        }


class Collector(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.got: list[tuple[str, str, str, bytes]] = []
        self.answers: list[tuple[int, dict[str, str], bytes]] = []  # before the 204s
        self.closes = False  # after each answer, without saying so


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, headers, said = self.server.answers.pop(0) if self.server.answers else (204, {}, b"")
        if status == 204:
            self.server.got.append((self.path, self.headers["Content-Type"], self.headers["User-Agent"], body))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if said:
            self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
        self.close_connection = self.close_connection or self.server.closes

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class TestSend:
    def test_everything_arrives_and_the_totals_say_what(self, collector: Collector) -> None:
        posts = POSTS[:200]
        totals = send(iter(posts), collector.url, "shop")
        assert sorted(body for *_, body in collector.got) == sorted(post.body for post in posts)
        assert {path for path, *_ in collector.got} == {"/csp/report/shop"}
        assert {(kind, agent) for _, kind, agent, _ in collector.got} == {
            (p.content_type.decode(), p.agent.text) for p in posts
        }
        ignored = sum((Counter(post.ignored) for post in posts), Counter())
        assert totals == Totals(200, sum(post.reports for post in posts), ignored)

    def test_run_shows_progress_and_ends_with_the_totals(self, collector: Collector) -> None:
        console = Console(file=StringIO(), force_terminal=True, width=100)
        totals = run(collector.url, "default", 1, 100, console)
        assert str(totals).startswith(f"100 violation reports in {len(collector.got)} requests")
        assert "sending reports" in console.file.getvalue()  # type: ignore[attr-defined]

    def test_a_503_is_tried_again_after_what_it_asks_for(self, collector: Collector) -> None:
        collector.answers = [(503, {"Retry-After": "0", "Content-Length": "0"}, b"")] * 5
        totals = send(iter(POSTS[:20]), collector.url, "default", connections=1)
        assert totals.requests == len(collector.got) == 20
        assert totals.again == 0

    def test_a_collector_that_stays_busy_is_given_up(self, collector: Collector) -> None:
        collector.answers = [(503, {"Retry-After": "0", "Content-Length": "0"}, b"")] * 1000
        with pytest.raises(DemoStopped, match="503 8 times"):
            send(iter(POSTS[:20]), collector.url, "default")

    def test_another_answer_is_told_with_what_was_said(self, collector: Collector) -> None:
        collector.answers = [(204, {}, b""), (404, {}, b"no \x1bsuch site" + b"." * 9000)]
        with pytest.raises(DemoStopped) as raised:
            send(iter(POSTS), collector.url, "blog", connections=1)
        assert f"{collector.url}/csp/report/blog answered 404" in str(raised.value)
        assert "no  such site" in str(raised.value)
        assert "sent before: " in str(raised.value)

    def test_a_kept_connection_that_was_closed_is_opened_again_and_told(self, collector: Collector) -> None:
        collector.closes = True
        totals = send(iter(POSTS[:10]), collector.url, "default", connections=1)
        assert totals.requests == len(collector.got) == 10
        assert totals.again == 9
        assert "sent again" in str(totals)

    def test_without_a_collector_it_says_how_to_start_one(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"http://me:secret@127.0.0.1:{taken.getsockname()[1]}"
            with pytest.raises(DemoStopped) as raised:
                send(iter(POSTS), url, "default")
        assert f"no collector answers at {url.replace('me:secret@', '')}" in str(raised.value)
        assert "csp-sentinel run" in str(raised.value)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "127.0.0.1:8080",
            "ftp://a",
            "http://",
            "http://a:x",
            "http://a:0",
            "http://a..b",
            "http://a/ä",
            "http://a/ b",
        ],
    )
    def test_what_is_no_address_is_told(self, url: str) -> None:
        with pytest.raises(DemoStopped, match="should be the collector's address"):
            send(iter(POSTS), url, "default")

    def test_what_is_no_site_is_told(self) -> None:
        with pytest.raises(DemoStopped, match="no label"):
            send(islice(POSTS, 1), "http://127.0.0.1:8080", "A site")
