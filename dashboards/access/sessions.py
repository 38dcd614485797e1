"""Sessions: a signed cookie each, which says who it is. Nothing is kept here but which have been ended."""

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from typing import Any

from itsdangerous import BadData, URLSafeTimedSerializer

from dashboards.access.terms import Terms
from dashboards.access.visitor import Visitor

SECONDS = 12 * 3600  # a working day
_ENDED = 10_000  # sessions remembered as ended; only who signed in can end one


class Sealed:
    """JSON values that strangers carry for us: signed, and good for so many seconds. `purpose` keeps kinds apart."""

    def __init__(self, key: bytes, purpose: str, seconds: int) -> None:
        self._seconds = seconds
        self._serializer = URLSafeTimedSerializer(
            key, salt=purpose, signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256}
        )

    def seal(self, value: Any) -> str:
        return str(self._serializer.dumps(value))

    def opened(self, text: str) -> Any:
        """None where it is not ours, altered or too old."""
        try:
            return self._serializer.loads(text, max_age=self._seconds)
        except BadData:
            return None


class Sessions:
    def __init__(self, terms: Terms) -> None:
        # Whoever changes who may get in ends all sessions.
        who = repr((terms.token, terms.viewer_token, terms.provider))
        self.key = hmac.digest(terms.secret or secrets.token_bytes(32), who.encode(), "sha256")
        self._sealed = Sealed(self.key, "session", SECONDS)
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._ending = threading.Lock()

    def begun(self, name: str, role: str) -> str:
        """The cookie of a new session: never one that the browser brought along."""
        return self._sealed.seal([secrets.token_urlsafe(16), name, role])

    def visitor(self, cookie: str) -> Visitor | None:
        opened = self._sealed.opened(cookie)
        if opened is None or opened[0] in self._ended:
            return None
        its, name, role = opened
        return Visitor(name, role, self.csrf(its))

    def end(self, cookie: str) -> None:
        """A copy of it opens nothing any more, as long as this process lives."""
        if opened := self._sealed.opened(cookie):
            with self._ending:
                self._ended[opened[0]] = None
                if len(self._ended) > _ENDED:
                    self._ended.popitem(last=False)

    def csrf(self, bound: str) -> str:
        """For forms of the session `bound`, or of who has none but a name."""
        return hmac.new(self.key, f"csrf {bound}".encode(), "sha256").hexdigest()
