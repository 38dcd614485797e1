"""Kafka goes away and comes back: what each stage answers and says meanwhile, and that nothing is lost of it.

It is one outage, lived through once: tests of before it, of while it lasts, and of after it, in this order.
"""

import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from schema.delivery import Kind
from tests.support import topics
from tests.support.kafka.cluster import Cluster
from tests.support.stages import Answer, Machine, Shared, together
from tests.support.waiting import wait_for

BODY = '{"csp-report":{"document-uri":"https://shop.example/%d","effective-directive":"img-src","blocked-uri":"data"}}'
AWAY_SECONDS = 12  # at least, until tests look at what the stages say


class Machines(NamedTuple):
    """`fast` and `granian` answer when Kafka has it, `disk` when the spool has it; `others` are ended meanwhile."""

    shared: Shared
    kafka: Cluster
    fast: Machine
    granian: Machine
    disk: Machine
    process: Machine
    others: list[Machine]


class Outage(NamedTuple):
    """What came of it while it lasted. Seconds beside answers and exit codes are those they took."""

    machines: Machines
    first: list[tuple[Answer, float]]  # of fast and granian
    second: list[tuple[Answer, float]]
    patient: list[Answer]
    ends: list[tuple[int, float]]
    cpu: dict[str, float]  # seconds used in the last five


@pytest.fixture(scope="module")
def machines(kafka, clickhouse_server, tmp_path_factory) -> Iterator[Machines]:
    shared, folder = Shared(kafka, clickhouse_server).init(), tmp_path_factory.mktemp("away")

    def start(name: str, **settings: str) -> Callable[[], Machine]:
        return lambda: Machine(name, folder / name, **shared.settings, **settings)

    started = together(
        start("ingest fast", durability="log"), start("ingest granian", durability="log", server="granian"),
        *map(start, ("ingest disk", "process 1", "ingest 2", "process 2", "console")),
    )  # fmt: skip
    try:
        for machine in started:
            wait_until_ready(machine)
        yield Machines(shared, kafka, *started[:4], started[4:])
    finally:
        for machine in started:
            machine.end()


@pytest.fixture(scope="module")
def outage(machines: Machines) -> Iterator[Outage]:
    for machine in machines.others[0], machines.disk:
        assert machine.post(report(1000)).status == 204
    # Beside the forty of before: what "ingest 2" had not shipped when it ends, nobody ships.
    wait_for("both are stored", lambda: machines.shared.sums().get("stored", 0) >= 42)
    machines.kafka.kill(1)
    try:
        yield lived_through(machines)
    finally:
        bring_back(machines.kafka)


@pytest.fixture(scope="module")
def back(outage: Outage) -> Outage:
    bring_back(outage.machines.kafka)
    return outage


def bring_back(kafka: Cluster) -> None:
    host, port = kafka.bootstrap.split(":")
    try:
        socket.create_connection((host, int(port))).close()
    except ConnectionRefusedError:
        kafka.start(1)


def lived_through(machines: Machines) -> Outage:
    began = time.monotonic()
    confirmed = (machines.fast, machines.granian)
    with ThreadPoolExecutor(8) as beside:
        first = [beside.submit(timed, machine.post, report(2000)) for machine in confirmed]
        ends = [beside.submit(timed, machine.end_with) for machine in machines.others]
        patient = machines.disk.post_all((report(number), "/csp/report/shop", {}) for number in range(100, 150))
        answers = [answer.result() for answer in first]
        second = [timed(machine.post, report(3000)) for machine in confirmed]
        codes = [end.result() for end in ends]
    lasting = {machine.name: machine for machine in machines[2:6]}
    before = {name: machine.cpu_seconds() for name, machine in lasting.items()}
    time.sleep(max(5, AWAY_SECONDS - (time.monotonic() - began)))
    cpu = {name: machine.cpu_seconds() - before[name] for name, machine in lasting.items()}
    return Outage(machines, answers, second, patient, codes, cpu)


def wait_until_ready(machine: Machine) -> None:
    wait_for(f"{machine.name} is ready", lambda: machine.ready().status == 200)


def timed(do: Callable, *arguments: object) -> tuple:
    began = time.monotonic()
    return do(*arguments), time.monotonic() - began


def report(number: int) -> bytes:
    return (BODY % number).encode()


def in_kafka(machines: Machines) -> Counter[bytes]:
    found = topics.deliveries(machines.shared.place)
    return Counter(delivery.body for delivery in found if delivery.kind == Kind.REPORTS)


def test_what_was_answered_204_is_in_kafka_when_the_collector_is_killed_at_once(machines: Machines):
    for first, machine in enumerate((machines.fast, machines.granian)):
        numbers = range(20 * first, 20 * first + 20)
        answers = machine.post_all((report(number), "/csp/report/shop", {}) for number in numbers)
        machine.kill()
        assert [answer.status for answer in answers] == [204] * 20
    assert in_kafka(machines) == Counter(map(report, range(40)))
    together(machines.fast.start, machines.granian.start)
    for machine in machines.fast, machines.granian:
        wait_until_ready(machine)


def test_a_report_that_kafka_does_not_confirm_is_answered_503_in_about_ten_seconds(outage: Outage):
    for answer, seconds in outage.first:
        assert (answer.status, answer.retry_after) == (503, "10")
        assert 4 < seconds < 13


def test_the_next_are_answered_503_at_once(outage: Outage):
    for answer, seconds in outage.second:
        assert (answer.status, answer.retry_after) == (503, "10")
        assert seconds < 2


def test_a_collector_that_does_not_wait_for_kafka_goes_on(outage: Outage):
    assert {answer.status for answer in outage.patient} == {204}
    assert outage.machines.disk.ready().status == 200


def test_who_needs_kafka_says_so_on_every_ready(outage: Outage):
    machines = outage.machines
    for machine in machines.fast, machines.granian:
        assert machine.ready().status == machine.ask_collector("/ready").status == 503
    said = wait_for("the processor says so", lambda: not_ready(machines.process))
    assert said.startswith(f"Kafka at {machines.kafka.bootstrap} can't be reached since ")


def not_ready(machine: Machine) -> str:
    answer = machine.ready()
    return answer.body if answer.status == 503 else ""


def test_the_reason_is_logged_and_not_again_and_again(outage: Outage):
    for machine in outage.machines[2:6]:
        reasons = machine.told()
        assert 1 <= reasons.total() <= 3, reasons  # no acknowledgement, then no connection; and by who looks after it
        assert all(outage.machines.kafka.bootstrap in reason for reason in reasons)


def test_nobody_spins_meanwhile(outage: Outage):
    assert max(outage.cpu.values()) < 1, outage.cpu


def test_stages_can_be_stopped_meanwhile(outage: Outage):
    assert [code for code, _ in outage.ends] == [0, 0, 0]
    assert max(seconds for _, seconds in outage.ends) < 12, outage.ends


def test_all_goes_on_when_kafka_is_back(back: Outage):
    machines = back.machines
    for machine in machines[2:6]:
        wait_until_ready(machine)
    assert [machine.post(report(4000)).status for machine in machines[2:5]] == [204] * 3


def test_nothing_was_lost_and_nothing_doubled(back: Outage):
    machines = back.machines
    sure = Counter(map(report, [*range(40), 1000, 1000, *range(100, 150), 4000, 4000, 4000]))
    wait_for("the spool is shipped", lambda: not sure - in_kafka(machines))
    found = in_kafka(machines)
    # What was answered 503 when its time was over may have come through; what was answered so at once has not.
    assert found - sure == Counter({report(2000): found[report(2000)]})
    assert found[report(2000)] <= 2
    counted = {"received": found.total() + 2, "stored": found.total(), "rejected": 2}
    wait_for("all is stored, and the two that were turned away are counted", lambda: machines.shared.sums() == counted)
