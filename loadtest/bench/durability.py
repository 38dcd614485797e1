"""Section `durability`: what each promise behind a 204 costs, on the fast server."""

import contextlib
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path

from loadtest.bench import wrk
from loadtest.bench.child import run
from loadtest.bench.figures import Figure, ratio, skipped
from loadtest.bench.kafka import kafka, kafka_missing
from loadtest.bench.loaded import Measured, Pace, in_turn
from loadtest.bench.options import Options
from loadtest.bench.requests import Load, legacy
from loadtest.bench.servers import PROGRAM, Kind, Server, sentinel

DISK = Kind("disk", "disk", functools.partial(sentinel, flags=("--durability", "disk")))
MEMORY = Kind("memory", "memory", functools.partial(sentinel, flags=("--durability", "memory")))
_WAITING = 512  # connections where each answer waits for Kafka: with few, it is the waiting that is measured


def durability(options: Options) -> list[Figure]:
    if why := wrk.reason_missing():
        return [skipped("durability", "durability", why)]
    load = Load("legacy", "900 B reports", legacy())
    rounds = in_turn(options, [MEMORY, DISK], load)
    rates = {key: [one.rate for one in done] for key, done in rounds.items()}
    figures = [_figure(f"durability.{key}", f"durability {key}", done) for key, done in rounds.items()]
    figures.append(ratio("durability.disk-over-memory", "disk over memory", rates["disk"], rates["memory"]))
    return [*figures, *_log(options, load)]


def _figure(key: str, name: str, done: list[Measured], note: str = "") -> Figure:
    return Figure(key, name, "requests/s", [one.rate for one in done], "more", note)


def _log(options: Options, load: Load) -> list[Figure]:
    if why := kafka_missing():
        return [skipped("durability.log", "durability log", why)]
    with tempfile.TemporaryDirectory(dir=options.folder) as folder, kafka(Path(folder)) as place:
        run([PROGRAM, "init"], options.folder / "init.log", environment={"SENTINEL_LOG": place})
        rounds = in_turn(options, [_with_kafka("log", "log", place)], load, Pace(options.seconds, _WAITING))
        shipping = in_turn(options, [DISK, _with_kafka("shipped", "disk", place)], load)
    note = f"{_WAITING} connections, each waiting for Kafka, which shares the client's core"
    return [
        _figure("durability.log", "durability log", rounds["log"], note),
        Figure("durability.shipping", "CPU of a request that is shipped to Kafka, over one that is not", "x",
               [its.cpu_us / alone.cpu_us for its, alone in zip(shipping["shipped"], shipping["disk"], strict=True)],
               "less"),
    ]  # fmt: skip


def _with_kafka(key: str, durability: str, place: str) -> Kind:
    environment = {"SENTINEL_LOG": place, "SENTINEL_DURABILITY": durability}

    @contextlib.contextmanager
    def start(folder: Path, cores: int | str) -> Iterator[Server]:
        with sentinel(folder, cores, environment=environment) as server:
            server.data_dir = None  # what Kafka has acknowledged is no longer in the spool
            yield server

    return Kind(key, f"{durability}, Kafka", start)
