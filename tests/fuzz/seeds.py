"""What the fuzzer begins with: captured reports, and the files and lines of our own documents."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from log.frame import frame
from log.position import Pending, Position
from schema import delivery
from schema.delivery import Delivery, Kind
from schema.envelope import pack, zstd
from schema.report import SPELLINGS, EntryKind, entries
from sentinel.backup_files import File, Manifest
from sentinel.settings import SAYS, Settings
from tests.corpus.captures import Capture, all_captures
from tests.fuzz.pieces import BETWEEN
from tests.support.reports import RECEIVED_MS

_ROOT = Path(__file__).parents[2]
_EVERY = 60  # of the captures: neighbours are alike


def seeds() -> dict[str, list[bytes]]:
    """By target."""
    taken = all_captures()[::_EVERY]
    bodies = [each.body for each in taken]
    agents = [each.user_agent.encode() for each in taken]
    records = [
        delivery.encode(Delivery(RECEIVED_MS, "shop", Kind.REPORTS, 1, agent, body))
        for agent, body in zip(agents, bodies, strict=True)
    ]
    policies = sorted({text for each in taken for text in _policies(each)})
    return {
        "report": bodies,
        "accept": [BETWEEN.join((b"shop", each.content_type.encode(), b"x", b"https://shop.example", b"", b"k=1.a.9.x",
                                 each.body)) for each in taken],
        "normalise": [made for each in taken for made in _in_pieces(each)],
        "fold": [BETWEEN.join((b"\0\1", b"\0", agent, body)) for agent, body in zip(agents, bodies, strict=True)],
        "policy": [text.encode() for text in policies],
        "match": [BETWEEN.join((bytes([number, number]), text.encode(), b"https://shop.example/", b"script-src-elem",
                                b"https://cdn.example/a.js", b"x", b"sha256-abc=", b"script", b"alert(1)",
                                b"https://a.example/\nnull")) for number, text in enumerate(policies)],
        "line": [json.dumps({"policy": text, "document": "https://a.example/", "directive": "img-src",
                             "request": {"url": "https://b.example/"}}).encode() for text in policies[:10]],
        "spool": [frame(record) + frame(records[0]) for record in records],
        "damage": [BETWEEN.join((b"\0\x20\1\0", b"first", body[:200], b"", b"last")) for body in bodies],
        "envelope": [pack("id", "collector", RECEIVED_MS, records[:3]), msgspec.msgpack.encode((1, "id", "c", 1, [])),
                     *(zstd.decompress(pack("id", "c", 1, records[first::9])) for first in range(3))],
        "sites": [*_toml("README.md"), *_toml("docs/alerts.md"), *_toml("docs/noise.md")],
        "noise": [*_rules()],
        "settings-file": [b"\nhost = 'a'\nport = 8080\n", b"# all\nexport SENTINEL_PORT='80'\nSENTINEL_HOST=\"::\"\n"],
        "import": [*bodies[:20], *(json.dumps(each.of).encode() for each in taken[:10]),
                   b'{"document_uri":"https://a.example/","violated_directive":"img-src x","timestamp":1}\n[1]\n'],
        "data-dir": [b"\0" + msgspec.json.encode(Manifest(1, "1", 1, 12, "", {"s/a": File(1, "0")}, {"a": "s/a"})),
                     b'\1{"layout":1,"program":"1","unfinished":"restore"}', b"\0" + b'{"made":' + b"[" * 3000,
                     b"\2" + msgspec.json.encode(Position({"0/1": 5}, Pending("a", {"0/1": 5}, {"0/1": 9}, b"x")))],
        "settings": [*_settings()],
        "question": [b"site=shop&directive=img-src&q=a+b&from=2026-11-22T10:00:00Z&to=2026-11-22T12:00:00%2B02:00",
                     b"by=browser&limit=10&step=600&noise=none&verdict=&blocked_kind=url", b"cursor=kgXZIDAw&state=new",
                     b"disposition=report&browser=Firefox&document_host=a.example&blocked_host=b&kind=flood&trust=9"],
        "decision": [b'{"state":"known","sources":[{"site":"shop","directive":"img-src","blocked":"a"}],"note":""}'],
    }  # fmt: skip


def _policies(capture: Capture) -> Iterator[str]:
    for entry in entries(capture.body):
        for name in SPELLINGS["policy"]:
            if isinstance(entry.body.get(name), str):
                yield entry.body[name]


def _in_pieces(capture: Capture) -> Iterator[bytes]:
    for entry in entries(capture.body):
        if entry.kind is EntryKind.VIOLATION:
            found = [
                next((entry.body[name] for name in names if name in entry.body), "") for names in SPELLINGS.values()
            ]
            values = [str(value).encode() for value in (entry.url or "", entry.age or "", capture.user_agent, *found)]
            yield BETWEEN.join((b"\0", *values))


def _toml(page: str) -> Iterator[bytes]:
    for block in re.findall(r"```toml\n(.*?)```", (_ROOT / page).read_text(), re.DOTALL):
        yield block.encode()


def _rules() -> Iterator[bytes]:
    head, *rules = (_ROOT / "schema" / "noise.toml").read_text().split("[[rule]]")
    version = next(line for line in head.splitlines() if line.startswith("version"))
    for rule in rules[::6]:
        yield f"{version}\n[[rule]]{rule}".encode()


def _settings() -> Iterator[bytes]:
    defaults = Settings()
    examples = {
        "log": "kafkas://user:p%40ss@a.example:9092,b.example/topic?partitions=3&acks=all&security=scram-sha-256",
        "store": "clickhouses://user:pass@host:8443/database?cluster=c&ca=/a.pem",
        "webhooks": "https://hooks.example/a?b=c,alertmanager://host:9093,slack://TokenA/TokenB/TokenC",
        "console_url": "https://csp.example:8443",
        "oidc_issuer": "https://login.example/realms/main",
        "oidc_editors": "ada@shop.example,@shop.example,admins",
        "console_token": "0123456789abcdef",
    }
    for number, name in enumerate(SAYS):
        value = examples.get(name) or getattr(defaults, name) or "1"
        yield bytes([number]) + str(value).encode()
