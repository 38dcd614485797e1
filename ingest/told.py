"""What a POST says beside its body: for which site it is, where it came from, without path and query; its signature."""

import re
from functools import lru_cache
from typing import NamedTuple, Self

from schema.delivery import USER_AGENT_BYTES
from schema.signing import Signature
from schema.sites import DEFAULT, LABEL

REPORT_PATH = "/csp/report"
_LONGEST = 264  # a host name has at most 253 characters
# What follows must end an origin: so user names, and hosts that are cut, make none.
_ORIGIN = re.compile(rb"https?://[^\x00-\x20\x7f-\xff/?#@\\]{1,255}(?=[/?#]|\Z)")
_DETAIL = ""  # stands before these in a Delivery

_Origins = tuple[str, bytes, bytes]
_NO_ORIGINS: _Origins = (_DETAIL, b"", b"")


def site_of(path: str) -> str | None:
    """The site a path reports for; "" where the label can't be one; None where it is no report path."""
    if path == REPORT_PATH or path == REPORT_PATH + "/":
        return DEFAULT
    if not path.startswith(REPORT_PATH + "/"):
        return None
    label = path[len(REPORT_PATH) + 1 :]
    return label if LABEL.fullmatch(label) else ""


class Told(NamedTuple):
    """What a head says, as the collector needs it: made once of a head that comes again, as most do."""

    site: str  # as `site_of` gives it
    content_type: bytes | None = None
    user_agent: bytes = b""
    origins: _Origins | tuple[()] = ()  # empty where neither header was sent
    query: bytes = b""

    @classmethod
    def of(
        cls,
        site: str,
        content_type: bytes | None,
        user_agent: bytes | None,
        origin: bytes | None,
        referer: bytes | None,
        query: bytes = b"",
    ) -> Self:
        """Of headers as sent; None where there was none."""
        sent = origin is not None or referer is not None
        origins = _origins(origin and origin[:_LONGEST], referer and referer[:_LONGEST]) if sent else ()
        return cls(site, content_type, (user_agent or b"")[:USER_AGENT_BYTES], origins, query)

    def last_fields(self, signature: Signature | None, left_out: int = 0) -> tuple[str | bytes | int, ...]:
        """Of a Delivery, behind its body."""
        if signature is None and not left_out:
            return self.origins
        signed = ("", "") if signature is None else (signature.outcome, signature.environment)
        return (*(self.origins or _NO_ORIGINS), *signed, left_out)


@lru_cache(maxsize=4096)
def _origins(origin: bytes | None, referer: bytes | None) -> _Origins:
    """Browsers send origins, and the pages of a site have few: so nearly all are known."""
    return _DETAIL, _origin_of(origin), _origin_of(referer)


def _origin_of(header: bytes | None) -> bytes:
    """Empty for `null`, which WebKit and sandboxed documents send, and for what is no origin."""
    found = _ORIGIN.match(header) if header else None
    return b"" if found is None else found[0]
