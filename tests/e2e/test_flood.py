"""A million made-up hosts in an hour: real processor, real store, and questions under the console's own limits."""

import asyncio
import json
import random
import re
import statistics
import time
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

from dashboards.app import build
from dashboards.clients import LIMITS
from log.protocols import USUAL_ROOM, Batch, Room
from processor.process import Processor
from processor.write import Writer
from schema.clickhouse import open_chdb
from schema.delivery import Delivery, Kind
from schema.health import Health
from schema.inserts import InProcess
from schema.migrate import migrate
from schema.sites import Sites
from tests.support.asgi import ask
from tests.support.processing import Log
from tests.support.store import START, elsewhere

HOSTS = 1_000_000
BATCH, BATCHES = 10_000, 12  # through the processor: more than everything it remembers has room for; the rest by SQL
MOST_MB = 1200  # of processor and store; a run with all the million through the processor had 560, at times 936
REAL = "cdn.skimmer.example"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
BODY = json.dumps({"csp-report": {
    "document-uri": "https://www.shop.example/PAGE", "referrer": "", "violated-directive": "script-src-elem",
    "effective-directive": "script-src-elem", "original-policy": "default-src 'self'", "disposition": "enforce",
    "blocked-uri": "https://HOST/x.js", "status-code": 200, "script-sample": "",
}})  # fmt: skip
# As the first made-up row, but for its host, its fingerprint and its time.
MORE = """
INSERT INTO violations SELECT one.* REPLACE (
    concat(lower(hex(sipHash64(number))), '.example') AS blocked_host, blocked_host AS blocked_site,
    concat('https://', blocked_host, '/x.js') AS blocked_url, sipHash128(number) AS fingerprint,
    toDateTime64(toUnixTimestamp(one.window) + number % 600, 3, 'UTC') AS first_seen, first_seen AS last_seen
)
FROM (SELECT * FROM violations WHERE blocked_host != {real:String} LIMIT 1) AS one, numbers({many:UInt32}) AS numbers
"""


class Found(NamedTuple):
    hosts: int
    resident_mb: list[int]  # before each batch
    answers: list[dict[str, Any]]
    slowest: float  # s


QUESTIONS = ("state=new&trust=50", "state=new&trust=50&noise=none&site=shop", "state=new", "limit=1000&trust=10")


def delivery(host: str, at: float, version: int = 156, page: str = "cart") -> Delivery:
    body = BODY.replace("HOST", host).replace("PAGE", page).encode()
    return Delivery(int(at * 1000), "shop", Kind.REPORTS, 1, AGENT.format(version).encode(), body)


def made_up(seed: int) -> list[Delivery]:
    """Each host once, at any moment of an hour, from either of two browsers."""
    chance = random.Random(seed)
    return [
        delivery(f"{chance.getrandbits(80):020x}.example", START + chance.random() * 3600, 150 + chance.randrange(2))
        for _ in range(BATCH)
    ]


def real() -> list[Delivery]:
    """In the middle of it: a dozen reports of some visitors, some browsers, some pages."""
    return [delivery(REAL, START + 1800 + 60 * turn, 150 + turn % 4, f"p{turn % 5}") for turn in range(12)]


class Flood(Log):
    """Makes a batch when it is asked for one: they are nowhere all at once."""

    def __init__(self) -> None:
        super().__init__()
        self.resident_mb: list[int] = []

    async def next(self, room: Room = USUAL_ROOM) -> Batch | None:
        await asyncio.sleep(0)
        self.resident_mb.append(resident_mb())
        number = len(self.resident_mb)
        if number > BATCHES:
            return None
        return Batch(f"flood-{number}", made_up(number) + (real() if number == BATCHES // 2 else []))

    async def empty(self) -> bool:
        return True


def resident_mb() -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


def flooded(folder: Path) -> Found:
    """In a process of its own, whose memory is nobody else's."""
    with open_chdb(folder) as engine:
        client = engine.client()
        migrate(client, retention_days=90)
        log, inserts, stop = Flood(), InProcess(client), Event()
        stop.set()  # when the log is empty, it ends
        processor = Processor(log, Writer(inserts, engine.inserting), inserts, Sites(), Health())
        assert asyncio.run(processor.run(stop, float("inf")))
        client.command(MORE, parameters={"real": REAL, "many": HOSTS - BATCH * BATCHES})
        console = build(engine, lambda: None, token=None)
        answers, slowest = [], 0.0
        for question in QUESTIONS:
            began = time.monotonic()
            answer = ask(console, f"/api/sources?{question}")
            slowest = max(slowest, time.monotonic() - began)
            assert answer.status == 200, answer.text
            answers.append(answer.json)
        hosts = client.query("SELECT uniqExact(blocked_host) FROM violations").result_rows[0][0]
        return Found(hosts, log.resident_mb, answers, slowest)


def test_a_million_made_up_hosts_neither_exhaust_memory_nor_hide_a_real_new_source(tmp_path: Path):
    found = elsewhere(flooded, tmp_path / "store")
    assert found.hosts == HOSTS + 1
    assert max(found.resident_mb) < MOST_MB
    third = BATCHES // 3
    assert statistics.median(found.resident_mb[-third:]) < statistics.median(found.resident_mb[third:-third]) + 150
    trusted, narrowed, new, low = (answer["items"] for answer in found.answers)
    for items in (trusted, narrowed):
        assert [(item["blocked"], item["trusted"], item["reports"]) for item in items] == [(REAL, True, 12)]
        assert (items[0]["trust"], items[0]["trust_reasons"], items[0]["pages"]) == (100, [], 5)
    assert new[0]["blocked"] == REAL
    assert len(new) == 100  # the made-up ones are shown all the same
    assert not any(item["trusted"] for item in new[1:])
    assert all(item["trust_reasons"][0] == "flood" for item in new[1:])
    assert len(low) == 1000
    assert found.slowest < LIMITS["max_execution_time"]
