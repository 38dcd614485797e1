"""A browser's side of the console without a browser: it keeps cookies, and goes only where it is told to."""

import asyncio
import re
from typing import Any

import httpx
from starlette.types import ASGIApp

HERE = "http://127.0.0.1:8081"
PAGES = {"accept": "text/html"}


class Visit:
    """`address` is the client's; `base` the console's as the browser knows it."""

    def __init__(self, app: ASGIApp, base: str = HERE, address: str = "127.0.0.1") -> None:
        self._app = app
        self._base = base
        self._address = address
        self.cookies = httpx.Cookies()

    def ask(self, method: str, path: str, headers: dict[str, Any] | None = None, **body: Any) -> httpx.Response:
        named = PAGES | (headers or {})
        raw = {name.encode(): text if isinstance(text, bytes) else text.encode() for name, text in named.items()}

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app, client=(self._address, 1))
            async with httpx.AsyncClient(transport=transport, base_url=self._base, cookies=self.cookies) as client:
                answer = await client.request(method, path, headers=raw, **body)
                self.cookies = client.cookies
                return answer

        return asyncio.run(asked())

    def get(self, path: str, **headers: str | bytes) -> httpx.Response:
        return self.ask("GET", path, headers)

    def post(self, path: str, form: dict[str, Any], **headers: str | bytes) -> httpx.Response:
        return self.ask("POST", path, headers, data=form)

    def csrf(self, path: str = "/login") -> str:
        """Of the form on this page."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get(path).text)
        assert found
        return found[1]

    def sign_in(self, token: str, wanted: str = "/") -> httpx.Response:
        return self.post("/login", {"csrf": self.csrf(), "token": token, "next": wanted})

    def cookie(self, name: str = "csp-sentinel") -> str:
        return self.cookies.get(name, default="")

    def held(self) -> str:
        """All of them, as a Cookie header."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def alone_with(self, cookie: str, name: str = "csp-sentinel") -> "Visit":
        """Another browser that has only this cookie."""
        other = Visit(self._app, self._base, self._address)
        other.cookies.set(name, cookie)
        return other
