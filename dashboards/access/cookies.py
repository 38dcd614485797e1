"""Cookies that no script reads and no other site sets."""

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from dashboards.access.places import Place

SESSION = "csp-sentinel"
LOGIN = "csp-sentinel-login"  # binds the form of the login to the browser it was shown in
PROVIDER = "csp-sentinel-provider"  # a login under way at the provider


def read(request: Request, place: Place, name: str) -> str:
    return request.cookies.get(_full(name, place), "")


def write(
    response: Response, place: Place, name: str, value: str, seconds: int, *, same_site: Literal["strict", "lax"]
) -> None:
    response.set_cookie(
        _full(name, place), value, max_age=seconds, path="/", secure=place.secure, httponly=True, samesite=same_site
    )


def drop(response: Response, place: Place, name: str) -> None:
    response.delete_cookie(_full(name, place), path="/", secure=place.secure, httponly=True, samesite="strict")


def _full(name: str, place: Place) -> str:
    """With __Host- a browser takes it from this host alone, and by https: no neighbour's subdomain can plant one."""
    return f"__Host-{name}" if place.secure else name
