"""A million made-up hosts in an hour, through the real processor into a real store, under the console's own limits."""

import asyncio
import json
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

from dashboards.app import build
from log.protocols import Batch
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
BATCH = 10_000
WARM = 200_000  # caches are full, the engine has its threads
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
BODY = json.dumps({"csp-report": {
    "document-uri": "https://www.shop.example/PAGE", "referrer": "", "violated-directive": "script-src-elem",
    "effective-directive": "script-src-elem", "original-policy": "default-src 'self'", "disposition": "enforce",
    "blocked-uri": "https://HOST/x.js", "status-code": 200, "script-sample": "",
}})  # fmt: skip


class Found(NamedTuple):
    warm_mb: int
    most_mb: int
    pages: dict[str, Any]  # by question
    slowest: float  # s


def delivery(host: str, at: float, version: int = 156, page: str = "cart") -> Delivery:
    body = BODY.replace("HOST", host).replace("PAGE", page).encode()
    return Delivery(int(at * 1000), "shop", Kind.REPORTS, 1, AGENT.format(version).encode(), body)


def made_up(seed: int) -> Iterator[Delivery]:
    """Each host once, at any moment of an hour, from either of two browsers."""
    chance = random.Random(seed)
    for _ in range(HOSTS // 10 if seed < 0 else BATCH):
        host = f"{chance.getrandbits(80):020x}.example"
        yield delivery(host, START + chance.random() * 3600, 150 + chance.randrange(2))


def real(host: str, times: int) -> list[Delivery]:
    """In the middle of it: some visitors, some browsers, some pages."""
    return [delivery(host, START + 1800 + 60 * turn, 150 + turn % 4, f"p{turn % 5}") for turn in range(times)]


class Flood(Log):
    """Makes a batch when it is asked for one: the million are nowhere at once."""

    def __init__(self) -> None:
        super().__init__()
        self._number = 0
        self.seen_mb: list[int] = []

    async def next(self) -> Batch | None:
        await asyncio.sleep(0)
        self.seen_mb.append(resident_mb())
        self._number += 1
        if self._number > HOSTS // BATCH:
            return None
        found = list(made_up(self._number))
        if self._number == HOSTS // BATCH // 2:
            found += real("cdn.skimmer.example", 12)
        return Batch(f"flood-{self._number}", found)

    async def empty(self) -> bool:
        return True


def resident_mb() -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


def flooded(folder: Path) -> Found:
    with open_chdb(folder) as engine:
        migrate(engine.client(), retention_days=90)
        log, inserts = Flood(), InProcess(engine.client())
        processor = Processor(log, Writer(inserts, engine.inserting), inserts, Sites(), Health())
        stop = Event()
        stop.set()
        assert asyncio.run(processor.run(stop, float("inf")))
        console = build(engine, lambda: None, token=None)
        pages, slowest = {}, 0.0
        for question in (
            "state=new&trust=50",
            "state=new&trust=50&noise=none&site=shop",
            "state=new",
            "",
            "trust=0&limit=1000",
        ):
            began = time.monotonic()
            answer = ask(console, f"/api/sources?{question}")
            slowest = max(slowest, time.monotonic() - began)
            print(question, time.monotonic() - began, resident_mb())
            assert answer.status == 200, answer.text
            pages[question] = answer.json
        print(log.seen_mb)
        return Found(log.seen_mb[WARM // BATCH], max(log.seen_mb), pages, slowest)


def test_a_million_made_up_hosts_neither_exhaust_memory_nor_hide_a_real_new_source(tmp_path: Path):
    began = time.monotonic()
    found = elsewhere(flooded, tmp_path / "store")
    print(found.warm_mb, found.most_mb, found.slowest, time.monotonic() - began)
