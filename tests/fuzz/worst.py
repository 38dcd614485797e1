"""Reports as large as the collector takes, full of what takes longest to read: made up, the same each time."""

import json
import random
import string
from collections.abc import Callable, Iterator

from schema.report import SPELLINGS

BODY_BYTES = 256 * 1024  # the collector's limit
_LETTERS = string.ascii_letters + string.digits
_random = random.Random(9)


def _word(length: int, letters: str = _LETTERS) -> str:
    return "".join(_random.choices(letters, k=length))


# Each makes one more piece of a text.
PIECES: dict[str, Callable[[], str]] = {
    "mail addresses": lambda: f"{_word(2)}@{_word(2)}.ab ",
    "mail addresses in a path": lambda: f"{_word(2)}%40{_word(2)}.ab/",
    "random words": lambda: f"{_word(20)} ",
    "random words in a path": lambda: f"{_word(20)}/",
    "random words in one": lambda: f"{_word(5)}=",
    "signed tokens": lambda: f"eyJ{_word(12)}.eyJ{_word(12)}.{_word(12)} ",
    "ids": lambda: f"{_word(8, '0af')}-{_word(4, '0af')}-{_word(4, '0af')}-{_word(4, '0af')}-{_word(12, '0af')}/",
    "sessions": lambda: f";{_word(24, 'abc')}sess",
    "session ids": lambda: f";sid={_word(4)};",
    "percent escapes": lambda: f"%{_random.randrange(256):02x}",
    "escaped escapes": lambda: "%2525252541%25%34%31",
    "characters to normalise": lambda: _random.choice("é\u0301\ufb01\u212b\U0001f600\u202e"),
    "half characters": lambda: "\ud800x",
    "quotes and brackets": lambda: _random.choice("'\"`<>(){}[]"),
    "URLs": lambda: f"https://{_word(3)}@a.b/{_word(3)}?{_word(2)}=1 ",
    "URLs in one": lambda: f'https://{_word(3)}:p@a.b/{_word(3)}"',
    "queries": lambda: f"{_word(2)}={_word(2)}&",
    "sources": lambda: f" https://{_word(4)}.example/{_word(3)}",
    "short sources": lambda: f" {_word(3)}.a",
    "hashes": lambda: f" 'sha256-{_word(43)}='",
    "nonces": lambda: f" 'nonce-{_word(6)}'",
    "directives": lambda: f"; {_word(5)} a",
    "policies": lambda: f"img-src {_word(2)}.a, ",
    "IPv6 addresses": lambda: "[::1]",
    "punycode": lambda: f"xn--{_word(5, 'abc09')}.",
    "numbers": lambda: f"/{_random.randrange(99)}B-x",
    "control characters": lambda: "\x01 ",
}
_TEXTS = [names[0] for field, names in SPELLINGS.items() if field not in {"line", "column", "status"}]
_URLS = ("document-uri", "referrer", "blocked-uri", "source-file")


def bodies(kind: str) -> Iterator[tuple[str, bytes]]:
    """How it is laid out, and the body."""
    text = "".join(PIECES[kind]() for _ in range(BODY_BYTES // len(PIECES[kind]()) + 1))
    everywhere = [name for names in SPELLINGS.values() for name in names]
    yield "each field", _body(text, dict.fromkeys(_TEXTS, ""))
    yield "each spelling", _body(text, dict.fromkeys(everywhere, ""))
    yield "URLs and policy", _body(
        text, dict.fromkeys(_URLS, "https://a.example/") | {"original-policy": "img-src "},
        **{"effective-directive": "img-src", "violated-directive": "img-src", "disposition": "report"},
    )  # fmt: skip
    yield "policy", _body(
        text, {"original-policy": "img-src "},
        **{"document-uri": "https://a.example/", "blocked-uri": "https://b.example/", "effective-directive": "img-src"},
    )  # fmt: skip


def _body(text: str, begins: dict[str, str], **others: str) -> bytes:
    """As many characters for each of `begins` as fit."""
    length = BODY_BYTES // len(begins)
    while True:
        report = {**others, **{name: (begin + text)[:length] for name, begin in begins.items()}}
        body = json.dumps({"csp-report": report}, ensure_ascii=False).encode(errors="surrogatepass")
        if len(body) <= BODY_BYTES:
            return body
        length = length * BODY_BYTES // len(body) - 8
