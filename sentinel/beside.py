"""Asking the program that has the store open, through its console."""

import contextlib
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from sentinel.explained import CannotStart
from sentinel.listening import console_of
from sentinel.settings import Settings

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the token is for the console alone


@contextlib.contextmanager
def ask_console(settings: Settings, path: str, body: Any = None) -> Iterator[http.client.HTTPResponse]:
    """The answer, to be read inside. With a body it is a POST of JSON. Raises CannotStart."""
    where = console_of(settings.data_dir)
    if where is None:
        raise CannotStart("another process has the store open, and it has no console; stop it first")
    request = urllib.request.Request(f"{where}{path}")  # noqa: S310  (ours)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    if settings.console_token:
        request.add_header("Authorization", f"Bearer {settings.console_token}")
    try:
        with _DIRECT.open(request, timeout=600) as answer:
            yield answer
    except BrokenPipeError:
        raise  # who reads our output has had enough; the console's own comes as URLError
    except urllib.error.HTTPError as error:
        raise CannotStart(f"the console at {where} answered {error.code}: {_detail(error)}") from error
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise CannotStart(f"the console at {where} can't be read: {error}") from error


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["detail"])
    except (ValueError, KeyError, TypeError):
        return error.reason
