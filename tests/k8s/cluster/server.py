"""A real Kubernetes API server over a real etcd, on 127.0.0.1 alone, with the custom kinds installed."""

import contextlib
import json
import secrets
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.k8s.cluster.processes import Failed, running, wait_until
from tests.k8s.cluster.tools import PROGRAMS
from tests.k8s.objects import Object
from tests.k8s.schemas import definitions
from tests.support.ports import free_ports

START_SECONDS = 180  # 12 on an idle machine
ASK_SECONDS = 20


class Server:
    """Asks what `kubectl` asks, as an administrator."""

    def __init__(self, folder: Path, url: str, token: str) -> None:
        self.url, self.kubeconfig = url, folder / "kubeconfig"
        self._token = token
        self._context = ssl.create_default_context(cafile=folder / "certificates" / "apiserver.crt")
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "check",
                    "cluster": {"server": url, "certificate-authority": f"{folder}/certificates/apiserver.crt"},
                }
            ],
            "users": [{"name": "check", "user": {"token": token}}],
            "contexts": [{"name": "check", "context": {"cluster": "check", "user": "check"}}],
            "current-context": "check",
        }
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(json.dumps(config))

    def get(self, path: str) -> Any:
        """The answer's JSON; raises OSError."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self._token}"})
        with urllib.request.urlopen(request, timeout=ASK_SECONDS, context=self._context) as answer:
            return json.load(answer)

    def apply(self, objects: list[Object], *flags: str) -> str:
        """With strict field validation. What kubectl said; raises Failed where it ended with an error."""
        command = [PROGRAMS["kubectl"].path, "--kubeconfig", self.kubeconfig, f"--request-timeout={ASK_SECONDS}s"]
        command += ["apply", "--server-side", "--force-conflicts", "--validate=strict", *flags, "-f", "-"]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        done = subprocess.run(command, input=text, check=False, capture_output=True, text=True)
        if done.returncode:
            raise Failed(done.stderr.strip() or done.stdout)
        return done.stdout + done.stderr


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Server]:
    """The server, once it is ready and knows the custom kinds; raises Failed."""
    client, peer, port = free_ports(3)
    token = secrets.token_hex(16)
    tokens = folder / "tokens.csv"
    tokens.touch(mode=0o600)
    tokens.write_text(f"{token},check,check,system:masters\n")
    key = folder / "accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    etcd = [
        PROGRAMS["etcd"].path, "--data-dir", folder / "etcd", "--unsafe-no-fsync",
        "--listen-client-urls", f"http://127.0.0.1:{client}", "--advertise-client-urls", f"http://127.0.0.1:{client}",
        "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
        "--initial-cluster", f"default=http://127.0.0.1:{peer}",
    ]  # fmt: skip
    apiserver = [
        PROGRAMS["kube-apiserver"].path, f"--etcd-servers=http://127.0.0.1:{client}", "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1", f"--secure-port={port}", f"--cert-dir={folder / 'certificates'}",
        "--service-cluster-ip-range=10.96.0.0/16", "--service-account-issuer=https://127.0.0.1",
        f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
        f"--token-auth-file={tokens}", "--authorization-mode=RBAC", "--endpoint-reconciler-type=none",
    ]  # fmt: skip
    with running(etcd, folder / "etcd.log"), running(apiserver, folder / "apiserver.log") as check:
        certificate = folder / "certificates" / "apiserver.crt"
        wait_until(certificate.exists, "the API server's certificate", START_SECONDS, check)
        server = Server(folder, f"https://127.0.0.1:{port}", token)
        wait_until(lambda: _answers(server, "/readyz?verbose=false"), "the API server", START_SECONDS, check)
        server.apply(list(definitions()))
        for definition in definitions():
            spec = definition["spec"]
            path = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
            wait_until(lambda path=path: _answers(server, path), path, START_SECONDS, check)
        yield server


def _answers(server: Server, path: str) -> bool:
    try:
        server.get(path)
    except json.JSONDecodeError:
        return True  # "ok"
    except OSError:
        return False
    return True
