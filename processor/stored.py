"""A URL as it is stored, taken apart again: what noise rules look at, now and whenever they are changed."""

from typing import NamedTuple

_AROUND = ("blob:", "filesystem:", "view-source:")  # their host is that of the URL inside


class Place(NamedTuple):
    """A bare word ("chrome-extension", "nikkomsgchannel") may be a scheme or a host, and is both."""

    scheme: str = ""
    host: str = ""
    path: str = ""


_NOWHERE = Place()


def place(text: str) -> Place:
    """Of `document_url`, `blocked_url` or `source_file`. Free text is nowhere."""
    if not text or " " in text:
        return _NOWHERE
    scheme, found, rest = text.partition("://")
    if found:
        return Place(scheme.partition(":")[0] if scheme.startswith(_AROUND) else scheme, *_hosted(rest))
    if text.startswith("//"):
        return Place("", *_hosted(text[2:]))
    host, path = _hosted(text)
    return Place("" if path else text.partition(":")[0], host, path)


def _hosted(rest: str) -> tuple[str, str]:
    """The host, without its port, and the path."""
    ends = min((at for at in (rest.find("/"), rest.find("\\"), rest.find("?")) if at >= 0), default=len(rest))
    authority, path = rest[:ends], rest[ends:]
    if authority.startswith("["):
        return authority[1:].partition("]")[0], path
    return authority.partition(":")[0], path
