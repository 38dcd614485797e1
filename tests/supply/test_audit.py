"""`make audit` with a service of our own: it passes where nothing is known, and never where nobody answered."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.supply.audit import HOLES, UNKNOWN, audited
from tests.support.ports import free_ports

HOLE = {
    "id": "GHSA-test-test-test",
    "aliases": ["CVE-2026-0001"],
    "summary": "It has a hole.",
    "details": "It has a hole.",
    "affected": [
        {
            "package": {"name": "idna", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "4.0"}]}],
        }
    ],
    "published": "2026-01-01T00:00:00Z",
    "modified": "2026-01-01T00:00:00Z",
}


class Known(BaseHTTPRequestHandler):
    """OSV's one question: a package and its version."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        broken = asked["package"]["name"] == "h11"
        found = {"vulns": [HOLE]} if asked["package"]["name"] == "idna" else {}
        body = b"busy" if broken else json.dumps(found).encode()
        self.send_response(503 if broken else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Known) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


def lock_of(folder: Path, *packages: str) -> Path:
    lock = folder / "some.lock"
    lock.write_text("".join(f"{package} \\\n    --hash=sha256:{'0' * 64}\n" for package in packages))
    return lock


def audit(lock: Path, service: str) -> int:
    return audited(lock, ["--vulnerability-service=osv", f"--osv-url={service}"])


def test_packages_without_a_known_hole_pass(service, tmp_path, capsys):
    assert audit(lock_of(tmp_path, "attrs==26.1.0", "msgspec==0.22.0"), service) == 0
    assert capsys.readouterr().out == "some.lock: no hole is known in 2 packages\n"


def test_a_hole_is_told_with_the_version_that_mends_it(service, tmp_path, capsys):
    assert audit(lock_of(tmp_path, "attrs==26.1.0", "idna==3.20"), service) == HOLES
    said = capsys.readouterr().out
    assert said == "some.lock: idna 3.20 has CVE-2026-0001, GHSA-test-test-test, mended in 4.0\n"


def test_offline_nothing_passes(tmp_path, capsys):
    assert audit(lock_of(tmp_path, "attrs==26.1.0"), f"http://127.0.0.1:{free_ports(1)[0]}/v1/query") == UNKNOWN
    assert "NOT audited, so nothing is known of its packages: " in capsys.readouterr().out


def test_a_service_that_answers_for_some_packages_only_does_not_pass(service, tmp_path, capsys):
    assert audit(lock_of(tmp_path, "attrs==26.1.0", "h11==0.16.0"), service) == UNKNOWN
    assert "NOT audited" in capsys.readouterr().out
