"""What is sent to a collector: the loads, each a list of requests that are sent in turn and again."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from loadtest.traffic.model import Post, Traffic
from loadtest.traffic.spelling import ARRAY
from schema.report import Unreadable, count

CORPUS = Path(__file__).parents[2] / "tests" / "corpus" / "captures-2026.jsonl"
ENTRIES = 10  # of an array
_LEGACY_BYTES = range(880, 921)
_DIFFERENT = 100  # requests of a load; of the corpus more, because its bodies differ more
_FROM_CORPUS = 300
_FROM_MODEL = 500  # reports
_FETCHED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "report"}


class Request(NamedTuple):
    """`reports`: entries of the body; 0 for a preflight. `array`: of the Reporting API."""

    method: str
    headers: dict[str, str]
    body: bytes
    reports: int
    array: bool


class Load(NamedTuple):
    key: str
    name: str
    requests: list[Request]

    @property
    def reports(self) -> float:
        """A request, on average."""
        return sum(request.reports for request in self.requests) / len(self.requests)


def loads() -> list[Load]:
    reports = legacy()
    return [
        Load("legacy", "900 B reports", reports),
        Load("array", f"arrays of {ENTRIES}", arrays()),
        Load("preflight", "preflights", [_preflight(request) for request in reports]),
        Load("connection", "new connections", [_closing(request) for request in reports]),
        Load("mix", "corpus mix", corpus()),
        Load("browsers", "browsers' traffic", browsers()),
    ]


def legacy() -> list[Request]:
    """880 to 920 bytes each."""
    found = (post for post in Traffic("different", 100_000, seed=3) if len(post.body) in _LEGACY_BYTES)
    # An extension's URL is one that go-csp-collector refuses.
    taken = (post for post in found if post.reports == 1 and b"extension" not in post.body)
    return [_request(post) for post, _ in zip(taken, range(_DIFFERENT), strict=False)]


def arrays() -> list[Request]:
    found = (post for post in Traffic("different", 1_000_000, seed=4, sizes=(ENTRIES, ENTRIES)) if post.reports > 1)
    taken = (post for post in found if b"extension" not in post.body)
    return [_request(post) for post, _ in zip(taken, range(_DIFFERENT), strict=False)]


def _request(post: Post) -> Request:
    headers = {
        "User-Agent": post.agent.text,
        "Content-Type": post.content_type.decode(),
        "Origin": post.origin,
        "Referer": f"{post.origin}/",
        **_FETCHED,
    }
    return Request("POST", headers, post.body, post.entries, post.content_type == ARRAY)


def _preflight(report: Request) -> Request:
    headers = {
        "User-Agent": report.headers["User-Agent"],
        "Origin": report.headers["Origin"],
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
        "Accept": "*/*",
    }
    return Request("OPTIONS", headers, b"", 0, array=True)


def _closing(request: Request) -> Request:
    return request._replace(headers={**request.headers, "Connection": "close"})


def browsers() -> list[Request]:
    """As the traffic model has it: with its preflights, and WebKit's connection for each report."""
    found = []
    for post in Traffic("learned", _FROM_MODEL, seed=5):
        request = _request(post)
        if post.preflight:
            found.append(_preflight(request))
        found.append(_closing(request) if post.agent.engine == "webkit" else request)
    return found


def corpus() -> list[Request]:
    """A sample of what real browsers sent, with the headers they sent."""
    found = list(_captured(CORPUS))
    return Random(5).sample(found, min(_FROM_CORPUS, len(found)))  # noqa: S311  (no secret)


def _captured(file: Path) -> Iterator[Request]:
    for line in file.read_text().splitlines():
        capture = json.loads(line)
        body = base64.b64decode(capture["body_b64"]) if "body_b64" in capture else capture["body"].encode()
        try:
            reports = count(body)
        except Unreadable:
            continue
        headers = {name.title(): value for name, value in capture["headers"].items()}
        yield Request("POST", headers, body, reports, headers["Content-Type"] == ARRAY.decode())


def write_table(requests: list[Request], path_of: Callable[[Request], str], file: Path) -> None:
    """As the Lua script of wrk reads them."""
    rows = [
        f"{{method={_lua(request.method)}, path={_lua(path_of(request))}, body={_lua(request.body)},\n"
        f"  headers={{{', '.join(f'[{_lua(name)}]={_lua(value)}' for name, value in request.headers.items())}}}}}"
        for request in requests
    ]
    between = ",\n"  # no backslash may stand inside an f-string's braces before Python 3.12
    file.write_text(f"return {{\n{between.join(rows)}\n}}\n")


def _lua(text: str | bytes) -> str:
    """A string literal of Lua: what is not plain as a number of three digits."""
    found = text.encode() if isinstance(text, str) else text
    plain = "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03d}" for byte in found)
    return f'"{plain}"'
