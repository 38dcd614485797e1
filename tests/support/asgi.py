"""Asking an ASGI app without a socket: one question, one answer."""

import asyncio
import json
from typing import Any, NamedTuple

from starlette.types import ASGIApp

LOCAL = (("host", "127.0.0.1:8081"),)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


def ask(
    app: ASGIApp, target: str, method: str = "GET", headers: tuple[tuple[str, str], ...] = LOCAL, body: bytes = b""
) -> Answer:
    """`target` is a path with its query string, as it stands in the request line."""
    return asyncio.run(_ask(app, target, method, headers, body))


async def _ask(app: ASGIApp, target: str, method: str, headers: tuple[tuple[str, str], ...], body: bytes) -> Answer:
    path, _, query = target.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "root_path": "", "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8081),
    }  # fmt: skip
    told: list[Any] = []
    asked = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if asked:
            return asked.pop()
        await asyncio.Event().wait()  # whoever asks stays until the answer is whole
        return {"type": "http.disconnect"}

    async def send(part: Any) -> None:
        told.append(part)

    await app(scope, receive, send)
    found = {name.decode(): value.decode() for name, value in told[0]["headers"]}
    return Answer(told[0]["status"], found, b"".join(part.get("body", b"") for part in told[1:]))
