"""Texts that strangers wrote, fit for a message: on one line, short, with nothing hidden in them."""

import unicodedata
from datetime import UTC, datetime

# Controls, formats (bidi and zero-width ones), surrogates, private use, nothing at all, line and paragraph separators.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Letters that are drawn as nothing.
_BLANK = frozenset("\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800\u034f")
# What chat services read as mention, link or markup: <!channel>, @here, [text](address), `code`, *bold*.
_MARKUP = str.maketrans("<>@[]`*|", "\u2039\u203a\uff20\uff3b\uff3d'\u2217\xa6")
_KINDS = {"inline": "inline code", "eval": "eval", "wasm-eval": "WebAssembly from text", "empty": "something unnamed"}


def clean(text: str, longest: int = 200) -> str:
    """Its beginning and its end: hosts and file names stand there."""
    shown = "".join(" " if char in "\t\r\n" else char for char in text[: longest * 8] if _shown(char)).strip()
    if len(text) > longest * 8:
        shown += "".join(char for char in text[-longest:] if _shown(char))
    if len(shown) <= longest:
        return shown
    tail = longest // 3
    return f"{shown[: longest - tail - 3]} … {shown[-tail:]}"


def _shown(char: str) -> bool:
    if char in "\t\r\n":
        return True
    return unicodedata.category(char) not in _HIDDEN and char not in _BLANK


def plain(text: str) -> str:
    """For services that read markup and mentions in what they are sent."""
    return text.translate(_MARKUP)


def host_or_kind(blocked: str) -> str:
    return _KINDS.get(blocked, clean(blocked, 100)) or "something unnamed"


def moment(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
