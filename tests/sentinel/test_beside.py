"""Which console a command asks that finds the store open: one that runs on this data dir, and nobody else."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from sentinel.beside import ask_console
from sentinel.explained import CannotStart
from sentinel.listening import Places
from sentinel.settings import Settings
from sentinel.spools import held


class Asked(HTTPServer):
    """Keeps the tokens that it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.tokens: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    server: Asked

    def do_GET(self) -> None:
        self.server.tokens.append(self.headers["Authorization"])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def listening() -> Iterator[Asked]:
    with Asked() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, console_token="t" * 32)


@pytest.mark.parametrize("command", ["run", "console"])
def test_the_console_that_runs_on_the_data_dir_is_asked(settings, listening, command):
    with held(settings, command), Places(settings.data_dir, command) as places:
        places.write({"console": listening.url})
        with ask_console(settings, "/api/totals") as answer:
            assert answer.read() == b"here"
    assert listening.tokens == [f"Bearer {'t' * 32}"]


def test_who_has_read_enough_is_not_told_that_the_console_failed(settings, listening):
    with held(settings, "run"), Places(settings.data_dir, "run") as places:
        places.write({"console": listening.url})
        with pytest.raises(BrokenPipeError), ask_console(settings, "/api/export"):
            raise BrokenPipeError


@pytest.mark.parametrize("command", ["run", "console"])
def test_what_a_killed_program_left_is_no_console(settings, listening, command):
    (settings.data_dir / f"{command}.json").write_text(json.dumps({"console": listening.url, "pid": 1}))
    with pytest.raises(CannotStart, match="no console"), ask_console(settings, "/api/totals"):
        pass
    assert not listening.tokens


def test_what_a_killed_program_left_goes_when_the_next_one_starts(settings, listening):
    """It may take a while to come up."""
    (settings.data_dir / "run.json").write_text(json.dumps({"console": listening.url, "pid": 1}))
    with held(settings, "run"), Places(settings.data_dir, "run") as places:
        assert places.patience > 0
        with pytest.raises(CannotStart, match="no console"), ask_console(settings, "/api/totals"):
            pass
    assert not listening.tokens
