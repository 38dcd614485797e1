"""A collector and its console in one small server, that can refuse, forget or stand still."""

import http.server
import json
import threading
from collections import Counter

from schema.report import EntryKind, entries


class Collector:
    """Answers every `refuses`th POST 503, 0 for none, and its ledger lacks `forgets` reports."""

    def __init__(self, refuses=0, forgets=0):
        self.requests = Counter()
        self.counted = Counter()  # entries answered 204, by kind
        self._refuses, self._forgets = refuses, forgets
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _handler(collector):  # noqa: N805
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self._answer(collector.take(self.rfile.read(int(self.headers["content-length"]))))

            def do_OPTIONS(self):
                collector.requests["OPTIONS"] += 1
                self._answer(204)

            def do_GET(self):
                self._answer(200, json.dumps(collector.books(self.path)).encode())

            def _answer(self, status, body=b""):
                self.send_response(status)
                if body:
                    self.send_header("Content-Length", str(len(body)))
                elif status != 204:
                    self.send_header("Content-Length", "0")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler

    def take(self, body):
        with self._lock:
            self.requests["POST"] += 1
            if self._refuses and self.requests["POST"] % self._refuses == 0:
                return 503
            self.counted.update(entry.kind for entry in entries(body))
            return 204

    def books(self, path):
        stored = max(0, self.counted[EntryKind.VIOLATION] - self._forgets)
        ignored = self.counted[EntryKind.OTHER]
        if path.startswith("/api/totals"):
            return {"reports": stored, "lag_seconds": 0.0}
        ledger = dict.fromkeys(("retried", "sampled", "foreign"), 0)
        ledger |= {"ignored": {"other": ignored}, "rejected": {}, "items": []}
        return ledger | {"stored": stored, "received": stored + ignored, "balanced": True}

    def close(self):
        self._server.shutdown()
        self._server.server_close()
