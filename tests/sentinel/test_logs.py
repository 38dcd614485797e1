"""Log lines: JSON for machines, text for people; each in one piece, whatever it is about."""

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from granian.log import LogLevels, configure_logging

from sentinel.logs import configure

logger = logging.getLogger("sentinel.test")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.asgi", "uvicorn.access", "granian", "_granian", "granian.access"):
        logging.getLogger(name).setLevel(logging.NOTSET)
        logging.getLogger(name).propagate = True


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_has_time_level_logger_message_then_the_extra(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")
    logger.warning("spool %s", "full", extra={"worker": 3, "site": "shop"})
    (line,) = lines(capsys)
    assert list(line) == ["time", "level", "logger", "message", "worker", "site"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    expected = {"level": "warning", "logger": "sentinel.test", "message": "spool full", "worker": 3, "site": "shop"}
    assert line == expected


def test_the_time_is_the_record_s_to_the_millisecond_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")
    record = logging.makeLogRecord({"created": 1_795_338_344.0075, "levelno": logging.INFO, "levelname": "INFO"})
    logging.getLogger().handle(record)
    assert lines(capsys)[0]["time"] == "2026-11-22T09:05:44.007Z"


def test_an_exception_is_a_field_not_more_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")
    try:
        raise ValueError("no such\nthing")
    except ValueError:
        logger.exception("failed")
    (line,) = lines(capsys)
    assert line["message"] == "failed"
    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("ValueError: no such\nthing")


@pytest.mark.parametrize(
    "value",
    ["two\nlines", "\x1b[31m", "\ud800", object(), float("nan"), {"\ud800": {1: b"\xff"}}, {(1, 2): 3}, OSError("x")],
)
@pytest.mark.parametrize("form", ["json", "text"])
def test_a_line_stays_one_line_whatever_is_in_it(capsys: pytest.CaptureFixture[str], form: str, value: object) -> None:
    configure("info", form)
    logger.info("got %s", value, extra={"value": value, "time": "mine"})
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert written[:-1].isprintable()
    if form == "json":
        assert json.loads(written)["time_"] == "mine"


def test_a_line_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure("warning", "json")
    logger.info("no")
    logger.warning("yes")
    assert [line["message"] for line in lines(capsys)] == ["yes"]


def test_text_is_for_people_with_the_traceback_below(capsys: pytest.CaptureFixture[str]) -> None:
    configure("debug", "text")
    try:
        raise ValueError("no\x1b[31m")
    except ValueError:
        logger.exception("insert failed", extra={"table": "violations"})
    first, *rest = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d ERROR   sentinel\.test: insert failed \(table=violations\)", first)
    assert rest[0].startswith("Traceback")
    assert rest[-1] == r"ValueError: no\x1b[31m"


def test_auto_is_json_where_stderr_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "auto")
    logger.info("hello")
    assert lines(capsys)[0]["message"] == "hello"


def test_auto_is_text_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    configure("info", "auto")
    logger.info("hello")
    assert capsys.readouterr().err.endswith("sentinel.test: hello\n")


@pytest.mark.parametrize("name", ["uvicorn.error", "uvicorn.asgi", "_granian"])
def test_the_servers_lines_look_like_ours(capsys: pytest.CaptureFixture[str], name: str) -> None:
    logging.getLogger(name).addHandler(logging.StreamHandler())
    configure("info", "json")
    logging.getLogger(name).info("listening")
    assert [line["logger"] for line in lines(capsys)] == [name]


@pytest.mark.parametrize("name", ["uvicorn.access", "granian.access"])
def test_access_lines_with_client_addresses_are_never_written(capsys: pytest.CaptureFixture[str], name: str) -> None:
    configure("debug", "json")
    logging.getLogger(name).info('203.0.113.9 - "POST /csp/report"')
    assert lines(capsys) == []


def test_the_level_holds_for_a_server_that_sets_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    configure("error", "json")
    uvicorn.Config("app", log_config=None, log_level="warning")  # as the console's
    logging.getLogger("uvicorn.error").warning("careful")
    assert lines(capsys) == []


def test_granian_which_sets_up_its_own_lines_leaves_ours(capsys: pytest.CaptureFixture[str]) -> None:
    configure("warning", "json")
    configure_logging(LogLevels.info, enabled=False)  # as in a collector
    logger.info("hello")
    logger.warning("careful")
    logging.getLogger("_granian").warning("spawning")
    assert [line["message"] for line in lines(capsys)] == ["careful"]


def test_configuring_twice_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", "json")
    configure("info", "json")
    logger.info("once")
    assert len(lines(capsys)) == 1
