"""Who asks: set for every request that is let in."""

from typing import NamedTuple

from starlette.requests import Request

EDITOR = "editor"
VIEWER = "viewer"


class Visitor(NamedTuple):
    name: str  # e-mail address, "token", "viewer token", or "this machine" where the console is open
    role: str  # "viewer" or "editor"
    csrf: str  # belongs into the field `csrf` of every form

    @property
    def edits(self) -> bool:
        return self.role == EDITOR


def visitor_of(request: Request) -> Visitor:
    """Only of a request that is let in: the pages of the login have none."""
    visitor = found(request)
    assert visitor is not None
    return visitor


def found(request: Request) -> Visitor | None:
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    return visitor


def by_bearer(request: Request) -> bool:
    """Whether a program sent its token itself: no page of another site can make a browser do that."""
    return bool(getattr(request.state, "bearer", False))
