"""A collector whose disk ends with it, as a pod's does, ends only when Kafka has all that it answered 204."""

import subprocess

import pytest

from log.frame import HEADER
from log.segments import segments
from tests.support.stages import Machine, Shared
from tests.support.topics import deliveries

REPORT = b'{"csp-report":{"document-uri":"https://shop.example/","effective-directive":"img-src","blocked-uri":"data"}}'


def test_a_collector_that_is_told_to_stop_ships_its_spool_first(kafka, tmp_path):
    shared = Shared(kafka)  # without its topic: as good as a Kafka that is away
    with Machine("ingest", tmp_path, **shared.settings, stop_seconds=90) as ingest:
        assert {ingest.post(REPORT).status for _ in range(20)} == {204}
        ingest.process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            ingest.process.wait(6)  # three seconds for requests under way, and three that it takes by default
        status, told, _ = ingest.ready()
        assert status == 503
        assert "stopping" in told
        shared.init()
        assert ingest.process.wait(60) == 0
    assert len(deliveries(shared.place)) == 20
    assert [path for path in segments(tmp_path / "data" / "spool" / "0") if path.stat().st_size > len(HEADER)] == []
