"""The resource metrics API, as metrics-server serves it, of pods whose CPU is invented."""

import http.server
import json
import ssl
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from tests.k8s.cluster.server import Server
from tests.k8s.rules.pods import amount
from tests.support.certificate import make_certificate

GROUP = "/apis/metrics.k8s.io/v1beta1"
WINDOW = "15s"  # over which metrics-server measures
SERVICE = "invented-metrics"


class Load:
    """Cores of work in each namespace, which its running pods share; none does more than its limit allows."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.cores: dict[str, float] = {}
        self._server = server
        certificate = make_certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        self._http = _Server(("127.0.0.1", 0), _handler(self))
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def service(self) -> list[dict[str, Any]]:
        """By which the API server finds it."""
        port = self._http.server_port
        where = {"name": SERVICE, "namespace": "kube-system", "port": port}
        return [
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": SERVICE, "namespace": "kube-system"},
                "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
            },
            {
                "apiVersion": "apiregistration.k8s.io/v1",
                "kind": "APIService",
                "metadata": {"name": "v1beta1.metrics.k8s.io"},
                "spec": {
                    "group": "metrics.k8s.io",
                    "version": "v1beta1",
                    "groupPriorityMinimum": 100,
                    "versionPriority": 100,
                    "insecureSkipTLSVerify": True,
                    "service": where,
                },
            },
        ]

    def pods(self, namespace: str, selector: str) -> dict[str, Any]:
        pods = self._server.get(f"/api/v1/namespaces/{namespace}/pods?labelSelector={quote(selector)}")["items"]
        running = [pod for pod in pods if pod["status"].get("phase") == "Running"]
        share = self.cores.get(namespace, 0.0) / max(1, len(running))
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "kind": "PodMetricsList",
            "apiVersion": "metrics.k8s.io/v1beta1",
            "items": [
                {
                    "metadata": {"name": pod["metadata"]["name"], "namespace": namespace},
                    "timestamp": now,
                    "window": WINDOW,
                    "containers": [_used(container, share) for container in pod["spec"]["containers"]],
                }
                for pod in running
            ],
        }


def _used(container: dict[str, Any], cores: float) -> dict[str, Any]:
    limit = amount(container["resources"].get("limits", {}).get("cpu", cores))
    return {"name": container["name"], "usage": {"cpu": f"{int(min(cores, limit) * 1000)}m", "memory": "128Mi"}}


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # that the API server went away
            super().handle_error(request, client_address)


def _handler(load: Load) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            parts = url.path.removeprefix(GROUP).strip("/").split("/")
            if parts[:1] == ["namespaces"] and parts[2:] == ["pods"]:
                selector = parse_qs(url.query).get("labelSelector", [""])[0]
                self._answer(200, load.pods(parts[1], selector))
            elif parts == [""]:
                kind = {"name": "pods", "singularName": "", "namespaced": True, "kind": "PodMetrics"}
                resources = [kind | {"verbs": ["get", "list"]}]
                self._answer(
                    200, {"kind": "APIResourceList", "groupVersion": "metrics.k8s.io/v1beta1", "resources": resources}
                )
            else:
                self._answer(404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404})

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    return Handler
