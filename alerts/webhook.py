"""A plain JSON webhook: one POST a message, signed where there is a secret."""

import asyncio
import hashlib
import hmac
import os
import time
from collections.abc import Mapping

import httpx
import msgspec

from alerts.channel import Failed
from alerts.message import Message

SECONDS = 8.0  # for all of it
_MOST_BYTES = 2048  # of an answer are read, and none is shown: it may repeat what it was sent
_NEVER = {400, 405, 411, 413, 414, 415, 422}  # about the message itself, not about who may send now
_LONGEST_WAIT = 6 * 3600.0
_HEADERS = {"Content-Type": "application/json", "User-Agent": "csp-sentinel"}


class Webhook:
    kind = "webhook"

    def __init__(self, key: str, name: str, url: str, secret: str) -> None:
        self.key, self.name = key, name
        self._url = url
        self._secret = secret

    def send(self, message: Message) -> None:
        body = msgspec.json.encode(message)
        post(self._url, body, {"Idempotency-Key": message.id, "X-Sentinel-Id": message.id} | self._signed(body))

    def _signed(self, body: bytes) -> dict[str, str]:
        """Over the time as well, so that who has caught a message can't send it again later."""
        if not self._secret:
            return {}
        now = str(int(time.time()))
        return {"X-Sentinel-Signature": f"t={now},v1={signature(self._secret, now, body)}"}


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over timestamp, a dot and the body, in hex."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def post(url: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Any 2xx is taken. Redirects are not followed: a secret in headers or path would go elsewhere. Raises Failed."""
    try:
        answer = asyncio.run(_post(url, body, _HEADERS | dict(headers)))
    except TimeoutError as error:
        raise Failed(f"no answer within {SECONDS:.0f} s") from error
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise Failed(_why(error)) from error
    if not answer.is_success:
        raise Failed(f"answered {answer.status_code}", after=_after(answer), refused=answer.status_code in _NEVER)


async def _post(url: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
    """In a loop of its own, because only that has a deadline for the whole of it."""
    async with (
        asyncio.timeout(SECONDS),
        httpx.AsyncClient(follow_redirects=False, timeout=SECONDS) as client,
        client.stream("POST", url, content=body, headers=headers) as answer,
    ):
        read = 0
        async for part in answer.aiter_raw():
            read += len(part)
            if read > _MOST_BYTES:
                break
        return answer


def _why(error: BaseException) -> str:
    """What the system said. httpx's own sentences may hold the URL."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno:  # asyncio's own words hold the address
            why = os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)
            return f"can't be reached: {why[:100]}"
        cause = cause.__cause__ or cause.__context__
    return f"can't be reached: {type(error).__name__}"


def _after(answer: httpx.Response) -> float | None:
    """Retry-After in seconds; as a date it is left out, like what makes no sense."""
    text = answer.headers.get("retry-after", "")
    return min(float(text), _LONGEST_WAIT) if text.isascii() and text.isdigit() else None
