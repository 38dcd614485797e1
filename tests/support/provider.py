"""An OpenID Connect provider that lies as it is told to: what it says of itself, in ID tokens and at userinfo."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID = "console"
CLIENT_SECRET = "of-the-console"
EMAIL = "editor@shop.example"


class Lying:
    """`claims`, `header` and `said` win over what would be right; `asked` holds the forms of the token endpoint."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.forget()

    def forget(self) -> None:
        self.key = self._key  # that it tells
        self.signing: Any = self.key
        self.nonce = ""
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "one"}
        self.said: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.token: dict[str, Any] = {}
        self.asked: list[dict[str, str]] = []
        self.requests = 0

    def metadata(self) -> dict[str, Any]:
        right = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        }
        return right | self.said

    def id_token(self) -> str:
        now = int(time.time())
        right = {
            "iss": self.issuer, "aud": CLIENT_ID, "sub": "one", "exp": now + 300, "iat": now, "nonce": self.nonce,
            "email": EMAIL, "email_verified": True,
        }  # fmt: skip
        claims = {name: value for name, value in (right | self.claims).items() if value is not None}
        return jwt.encode(self.header, claims, self.signing, algorithms=["RS256", "HS256", "none"])

    def answer(self, path: str, body: bytes) -> Any:
        self.requests += 1
        if path == "/token":
            self.asked.append({name: values[0] for name, values in parse_qs(body.decode()).items()})
            return {"access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": self.id_token()} | (
                self.token
            )
        return {
            "/.well-known/openid-configuration": self.metadata,
            "/jwks": lambda: {"keys": [self.key.as_dict(private=False)]},
            "/userinfo": lambda: self.userinfo,
        }[path]()


@contextmanager
def lying_provider() -> Iterator[Lying]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            said = json.dumps(provider.answer(self.path, body)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_POST = do_GET  # noqa: N815  (the server's names)

        def log_message(self, *_: object) -> None:
            """Not on the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = Lying(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()
