"""The loads: what they are made of, and that wrk's script reads them back."""

import re

from loadtest.bench.requests import loads, write_table
from schema.report import count


def test_a_load_is_what_its_name_says_and_the_collector_takes_all_of_it():
    found = {load.key: load for load in loads()}
    assert set(found) == {"legacy", "array", "preflight", "connection", "mix", "browsers"}
    assert all(880 <= len(request.body) <= 920 for request in found["legacy"].requests)
    assert {request.reports for request in found["array"].requests} == {10}
    assert {request.method for request in found["preflight"].requests} == {"OPTIONS"}
    assert all(request.headers["Connection"] == "close" for request in found["connection"].requests)
    for load in found.values():
        assert len(load.requests) >= 100
        assert all(count(request.body) == request.reports for request in load.requests if request.body)
    assert len({request.body for request in found["mix"].requests}) > 200
    assert {request.method for request in found["browsers"].requests} == {"OPTIONS", "POST"}
    assert {"Connection" in request.headers for request in found["browsers"].requests} == {True, False}


def test_a_body_of_any_bytes_stands_in_the_script_as_it_is(tmp_path):
    load = loads()[0]
    odd = load.requests[0]._replace(body=bytes(range(256)) + b'"]]\\n')
    write_table([odd], lambda _request: "/csp/report", tmp_path / "table.lua")
    text = (tmp_path / "table.lua").read_text()
    written = re.search(r'body="((?:[^"\\]|\\\d{3})*)"', text)[1]
    assert re.sub(r"\\(\d{3})", lambda found: chr(int(found[1])), written).encode("latin-1") == odd.body
    assert 'path="/csp/report"' in text
