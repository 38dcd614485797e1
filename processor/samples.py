"""What of a sample tells two violations apart: its words, not the numbers and random texts in them."""

import re
from functools import lru_cache

from processor.wordlike import looks_random
from schema.names import BY_SAMPLE

_NONCE = re.compile(r"(nonce\s*=\s*)[\"']?[^\s\"'>]*+[\"']?", re.IGNORECASE)
_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_WORD = re.compile(r"[A-Za-z0-9]*[0-9][A-Za-z0-9]*|[A-Za-z]{12,}")
_NUMBER = re.compile(r"[0-9]+")


@lru_cache(maxsize=8192)
def identity(kind: str, sample: str) -> str:
    """Empty without a sample, and for kinds whose URL tells.

    Of a Trusted Types sink (`Element innerHTML|<p>…`) the name alone: the value is often what a visitor typed.
    """
    if kind not in BY_SAMPLE:
        return ""
    if kind == "trusted-types":
        sample = sample.partition("|")[0]
    text = _WORD.sub(_replaced, _UUID.sub("0", _NONCE.sub(r"\1", sample)))
    return " ".join(text.split())


def _replaced(found: re.Match[str]) -> str:
    word = found[0]
    if len(word) >= 6 and looks_random(word):
        return "0"
    return _NUMBER.sub("0", word)
