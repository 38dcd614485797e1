"""A page of the console taken apart, the way a browser would."""

import re
from html.parser import HTMLParser

from starlette.types import ASGIApp

from tests.support.asgi import LOCAL, ask

BROWSER = (*LOCAL, ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"))
VOID = {"meta", "link", "input", "path", "rect", "line", "br", "img"}


class Page(HTMLParser):
    """A page taken apart: its text, its tags with attributes, and whether tags close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def links(self) -> list[str]:
        return [attributes["href"] for tag, attributes in self.tags if tag == "a"]

    def hidden(self) -> dict[str, str]:
        """What the page's forms send besides what one fills in."""
        fields = [its for tag, its in self.tags if tag == "input" and its.get("type") == "hidden"]
        return {its["name"]: its["value"] for its in fields}


def opened(app: ASGIApp, target: str, status: int = 200) -> Page:
    """As a browser asks for it."""
    found = ask(app, target, headers=BROWSER)
    assert found.status == status, found
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    return Page(found.text)
