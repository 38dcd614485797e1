"""What a request says beside its body: where it came from, without path and query; whether its URL was signed."""

import re
from functools import lru_cache

from schema.signing import Signature

_LONGEST = 264  # a host name has at most 253 characters
# What follows must end an origin: so user names, and hosts that are cut, make none.
_ORIGIN = re.compile(rb"https?://[^\x00-\x20\x7f-\xff/?#@\\]{1,255}(?=[/?#]|\Z)")
_DETAIL = ""  # stands before these in a Delivery

Told = tuple[str, bytes, bytes] | tuple[str, bytes, bytes, str, str]


def told(origin: bytes | None, referer: bytes | None, signature: Signature | None) -> Told:
    """The last fields of a Delivery; the headers as sent."""
    first, second = origin_of((origin or b"")[:_LONGEST]), origin_of((referer or b"")[:_LONGEST])
    if signature is None:
        return (_DETAIL, first, second)
    return (_DETAIL, first, second, signature.outcome, signature.environment)


@lru_cache(maxsize=4096)
def origin_of(header: bytes) -> bytes:
    """Empty for `null`, which WebKit and sandboxed documents send, and for what is no origin."""
    found = _ORIGIN.match(header)
    return b"" if found is None else found[0]
