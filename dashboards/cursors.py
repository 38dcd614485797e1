"""Cursors: where a page ended, in a form nobody needs to understand."""

import base64
import binascii
from typing import Any, TypeVar

import msgspec

from dashboards.query_string import BadParameter

_T = TypeVar("_T")


def written(place: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(place)).decode().rstrip("=")


def read(text: str, kind: type[_T]) -> _T:
    """The place, as a `kind` (a NamedTuple). Raises BadParameter."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        return msgspec.msgpack.decode(base64.b64decode(padded, b"-_", validate=True), type=kind)
    except (ValueError, binascii.Error) as error:  # msgspec's errors are ValueErrors
        raise BadParameter("cursor is the `next` of an earlier answer, unchanged.") from error
