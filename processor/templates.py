"""The template of a URL: numbers, ids and hashes of its path replaced, so that pages of one kind are one (rule 44).

`https://shop.example/order/1234/pay` is `https://shop.example/order/{n}/pay`; the origin is kept. A template is its own
template.
"""

import re
from functools import lru_cache

from processor.text import storable
from processor.tokens import STATIC
from processor.wordlike import has_words, looks_random

TEMPLATE_BYTES = 1024
_READ = 2 * TEMPLATE_BYTES

_ORIGIN = re.compile(
    r"(?:[A-Za-z][\w+.-]*+:){0,2}//[^/\\?\s]*+|(?:[\w-]++\.)++[A-Za-z][\w-]*+(?::\d+)?(?![^/\\])|localhost(?::\d+)?(?![^/\\])"
)
_VARIES = re.compile(r"[0-9A-Z]")  # without any of these there is nothing to replace
_VARYING = re.compile(r"(?<![^/])[^/0-9A-Z]*+[0-9A-Z][^/]*+")
# The most of them, and what they become without a closer look.
_WORDS = re.compile(r"[A-Z]?[a-z]*(?:[-_.][A-Z]?[a-z]+)*")
_NUMBERED = re.compile(r"((?:[a-z]+[-_])+)[0-9]{1,7}((?:[-_.][a-z]+)*)")
_NUMBER_FILE = re.compile(rf"[0-9]+(\.(?:{'|'.join(sorted(STATIC))}))")
_KEPT_LONGEST = 64  # characters
_SUBSEGMENT = re.compile(r"[^\\?&=;\s]+")
_PLACEHOLDER_CUT = re.compile(r"\{[a-z]*\Z")

_UUID = r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
_PIECE = re.compile(
    rf"""
    \{{[a-z]+\}} | %[0-9A-Fa-f]{{2}}                      # as it stands
    | (?P<id>{_UUID})
    | (?P<date>(?:19|20)\d\d([-_.])[01]\d\3[0-3]\d(?!\d))
    | v?\d{{1,4}}(?:\.\d{{1,4}})+(?![0-9A-Za-z])          # a version, as it stands
    | (?P<size>\d{{1,4}}x\d{{1,4}}(?![0-9A-Za-z]))
    | (?P<word>[A-Za-z0-9]+)
    """,
    re.VERBOSE,
)
_FILE = re.compile(r"(.+?)((?:\.[A-Za-z0-9]{2,5})(?:\.map|\.gz|\.br)?)")
_SHORT_HASH = re.compile(r"(?<=[-.])[A-Za-z0-9_-]{8}\Z")  # of Vite and others: base64url, where an _ is no boundary
_ONE_WORD = re.compile(r"[A-Za-z0-9_-]{8,64}")
_HEX = re.compile(r"(?=[A-Za-z]*[0-9])(?:[0-9a-f]{8,}|[0-9A-F]{8,})")
_HEX_HASH = re.compile(r"(?:(?=[a-f]*[0-9])[0-9a-f]{6,7}|[0-9a-f]{8,}|[0-9A-F]{8,})")
_WORD_AND_NUMBER = re.compile(r"([A-Za-z]+)\d{4,}|\d{4,}([A-Za-z]+)")
_NAME_AND_DIGITS = re.compile(r"(?:[A-Z]?[a-z]{2,}(?:[A-Z][a-z]{2,})*|[A-Z]+)\d{1,3}")
_CAMEL_CASE = re.compile(r"(?:[A-Z]?[a-z]{2,})(?:[A-Z][a-z]{2,})*|[A-Z]{2,5}[a-z]*|[A-Z]+")


def template(text: str) -> str:
    """`text` is a URL as it is stored, or whatever stands in its place: words stay as they are."""
    end = text.find("/", 8) if text.startswith("http") else -1
    if end < 0:
        found = _ORIGIN.match(text)
        end = found.end() if found else 0
    whole = text[:end] + template_of_path(text[end : end + _READ])
    if len(whole) <= TEMPLATE_BYTES // 4:
        return whole
    cut = storable(whole, TEMPLATE_BYTES)
    return cut if len(cut) == len(whole) else _PLACEHOLDER_CUT.sub("", cut)


def template_of_path(path: str) -> str:
    """Of a URL, what follows the host."""
    return _VARYING.sub(_segment, path) if _VARIES.search(path) else path


def _segment(found: re.Match[str]) -> str:
    """Half of the time of reading a new URL goes into what varies in it, and mostly that is a number, or a name that
    came before in another URL: a script's with its hash, a version.
    """
    segment = found[0]
    if segment.isdigit():
        return "{n}"
    if file := _NUMBER_FILE.fullmatch(segment):
        return "{n}" + file[1]
    return _known(segment) if len(segment) <= _KEPT_LONGEST else _read_segment(segment)


def _read_segment(segment: str) -> str:
    numbered = _NUMBERED.fullmatch(segment)
    if numbered:
        return f"{numbered[1]}{{n}}{numbered[2]}"
    if _WORDS.fullmatch(segment):
        return segment
    return _SUBSEGMENT.sub(_subsegment, segment)


_known = lru_cache(maxsize=4096)(_read_segment)  # at most 1 MB


def _subsegment(found: re.Match[str]) -> str:
    segment = found[0]
    file = _FILE.fullmatch(segment)
    if file and file[2][1:].partition(".")[0].lower() in STATIC:
        return _static_name(file[1]) + file[2]
    if _ONE_WORD.fullmatch(segment) and _is_id(segment) and not has_words(segment):
        return "{id}"
    return _PIECE.sub(_replaced, segment)


def _is_id(segment: str) -> bool:
    """Drawn from base64url, which has two characters that else stand between words."""
    together = segment.replace("-", "").replace("_", "")
    return len(together) >= 8 and together != segment and looks_random(together)


def _static_name(stem: str) -> str:
    hashed = _SHORT_HASH.search(stem)
    if hashed and not hashed[0].isalnum() and _varies_inside(hashed[0]) and not has_words(hashed[0]):
        stem = stem[: hashed.start()] + "{hash}"
    return _PIECE.sub(_replaced_in_name, stem)


def _varies_inside(text: str) -> bool:
    return not (text.islower() or text.isupper()) or any(map(str.isdigit, text))


def _replaced(found: re.Match[str]) -> str:
    return _of_word(found["word"]) if found["word"] else _of_shape(found)


def _of_shape(found: re.Match[str]) -> str:
    if found["size"]:
        return "{n}x{n}"
    return "{id}" if found["id"] else "{date}" if found["date"] else found[0]


def _of_word(word: str) -> str:
    if word.isdigit():
        return "{n}"
    if word.isalpha():
        return "{id}" if len(word) >= 10 and _varies_inside(word) and looks_random(word) else word
    if _HEX.fullmatch(word):
        return "{id}"
    attached = _WORD_AND_NUMBER.fullmatch(word)
    if attached:
        return f"{attached[1]}{{n}}" if attached[1] else f"{{n}}{attached[2]}"
    return "{id}" if len(word) >= 7 and looks_random(word) else word


def _replaced_in_name(found: re.Match[str]) -> str:
    word = found["word"]
    if not word:
        return "{hash}" if found["id"] else _of_shape(found)
    return "{hash}" if _is_hash(word, first=found.start() == 0) else _of_word(word)


def _is_hash(word: str, *, first: bool) -> bool:
    """What is no word behind a name is a hash; a name itself may be odd (`jquery3x`)."""
    if _HEX_HASH.fullmatch(word):
        return not (first and word.isdigit())
    if len(word) < 8:
        return False
    if looks_random(word):
        return _varies_inside(word)
    if first or not _varies_inside(word):
        return False
    return not (_CAMEL_CASE if word.isalpha() else _NAME_AND_DIGITS).fullmatch(word) and not _WORD_AND_NUMBER.fullmatch(
        word
    )
