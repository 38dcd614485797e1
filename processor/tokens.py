"""Secrets in paths and texts: signed tokens, mail addresses, session ids, long random words. Found by their looks.

Hosts are kept, and so are ids that only name something (numbers, UUIDs, hexadecimal ones of up to 31 digits), versions
(`bootstrap@5.3.0`) and the hashes in names of static files. Each expression takes every character once, so the time is
linear in whatever is sent.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from functools import partial

from processor.wordlike import has_words, looks_random

TOKEN, JWT, MAIL = "{token}", "{jwt}", "{mail}"
_SHORTEST = 20  # of a secret: 120 bits in base64 are as many characters
_RANDOM = 16, 10  # of its characters so many look random, so many of them in one piece
_LONGEST_WORD = 1024  # that is looked at piece by piece; of a longer one nobody reads the name
_LONGEST_NAME = 160  # of a static file with a hash in it: 128 hexadecimal digits are SHA-512

STATIC = frozenset(
    """
    js mjs cjs css map wasm png jpg jpeg gif webp avif svg ico bmp woff woff2 ttf otf eot mp3 mp4 m4a m4s ogg ogv oga
    wav weba webm
""".split()  # noqa: SIM905  (one word a word)
)
_NO_DOMAIN = STATIC | frozenset(
    """
    html htm xhtml php asp aspx jsp json xml txt pdf min bundle chunk prod gz ts tsx jsx vue scss retina
""".split()  # noqa: SIM905
)

_LONG_SEGMENT = re.compile(r"(?:[^/]{0,19}+/)*+[^/]{20}")  # the cheaper of the two
_LONG = re.compile(
    r"(?<![A-Za-z0-9_+=~-])(?!(?:[a-z]{0,15}|[0-9]{1,8})(?:[-_](?:[a-z]{1,15}|[0-9]{1,8}))*+(?![A-Za-z0-9_+=~-]))"
    r"[A-Za-z0-9_+=~-]{20}"
)
_AT = re.compile(r"@|%(?:25)*40")
# Words of a text: to judge one takes some 10 µs, a report of 256 KiB holds 10,000, and no page has so many odd ones.
_MOST_JUDGED = 40
_ATOM = r"(?:[\w.+~!$*-]++|%(?!(?:25)*40))"
_AROUND_AT = re.compile(rf"(?<![\w.+~!$*%-]){_ATOM}*+(?:@|%(?:25)*40)(?:{_ATOM}|@|%(?:25)*40)*+")
_DOT = re.compile(r"%(?:25)*2[Ee]")
_DOMAIN = re.compile(r"[\w-]++(?:\.[\w-]++)++")
_PARAMETER = re.compile(r"((?:;|%3[Bb])([\w.-]{1,60}+)(?:=|%3[Dd]))(?:(?!%3[Bb])[^/\\;?#&\s\"'<>{}])++")
_SESSION = re.compile(r"sess|token|auth|secret|ticket|\A(?:sid|cfid)\Z", re.IGNORECASE)
_RUN = re.compile(
    r"(?<![A-Za-z0-9_.~+=-])(?=[A-Za-z0-9_.~+=%-]{20})"
    r"(?=(?:[A-Za-z0-9_.~+=-]|%(?=2[BbEeFf]|3[Dd])){20})"
    r"(?:[A-Za-z0-9_.~+=-]++|%(?:2[BbEeFf]|3[Dd]))++"
)
# What most long ones are. Sixteen letters of one case are the least that can look random.
_SLUG = re.compile(r"(?:(?:[A-Z]?[a-z]{0,15}|[0-9]{1,8})[-_.])*+(?:[A-Z]?[a-z]{0,15}|[0-9]{1,8})")
# In a text also hosts, and the hashes of policies, which are no secrets.
_KEPT_OR_RUN = re.compile(rf"://[^\s/\\?#\"'<>`]*+|(?<=')sha(?:256|384|512)-[A-Za-z0-9+/_=-]*+|({_RUN.pattern})")
_UNRESERVED = re.compile(r"%(2[DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])")
_DOTS = re.compile(r"(\.|%2[Ee])")
_HEX = re.compile(r"[0-9A-Fa-f]{32,}+")
_UUID = re.compile(r"([0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12})(?![0-9A-Fa-f])")
_PIECE = re.compile(r"%[0-9A-Fa-f]{2}|([A-Za-z0-9]+)")
_ONLY_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")


def path_without_tokens(path: str, left: Iterator[int] | None = None) -> str:
    """Of a URL, what follows the host. `left` gives one for each odd word that may be looked at in several paths."""
    if not _is_suspect(path):
        return path
    return _without(_decoded(path) if "%" in path else path, _RUN, left or iter(range(_MOST_JUDGED)))


def _decoded(path: str) -> str:
    """RFC 3986 §6.2.2.2: an escaped letter or digit is that letter or digit. Some hide others; not for ever."""
    for _ in range(4):
        before, path = path, _UNRESERVED.sub(lambda found: chr(int(found[1], 16)), path)
        if path == before:
            break
    return path


def text_without_tokens(text: str) -> str:
    """Of any text, which may have URLs in it."""
    return _without(text, _KEPT_OR_RUN, iter(range(_MOST_JUDGED))) if _is_suspect(text) else text


def _is_suspect(text: str) -> bool:
    """Few are, and the others cost as little as can be."""
    if "@" in text or "%" in text or ";" in text or "eyJ" in text:
        return True
    return _LONG_SEGMENT.match(text) is not None and _LONG.search(text) is not None


def _without(text: str, runs: re.Pattern[str], left: Iterator[int]) -> str:
    text = _without_mails(text, left)
    if ";" in text or "%" in text:
        text = _PARAMETER.sub(_parameter, text)
    masked = _masked(text, runs, partial(_run, left=left), TOKEN)
    # A token may have stood in a mail address's way.
    return masked if masked == text else _without_mails(masked, left)


def _masked(text: str, pattern: re.Pattern[str], mask: Callable[[re.Match[str]], str], rest: str) -> str:
    """What `mask` makes of each match; where it has looked at enough, `rest` stands for all that follows."""
    parts: list[str] = []
    end = 0
    try:
        for found in pattern.finditer(text):
            parts += (text[end : found.start()], mask(found))
            end = found.end()
    except StopIteration:
        return "".join((*parts, text[end : found.start()], rest))
    return "".join((*parts, text[end:]))


def _parameter(found: re.Match[str]) -> str:
    """`;jsessionid=…` names what it holds."""
    return found[1] + TOKEN if _SESSION.search(found[2]) else found[0]


def _without_mails(text: str, left: Iterator[int]) -> str:
    return _masked(text, _AROUND_AT, partial(_mail, left=left), MAIL) if "@" in text or "40" in text else text


def _mail(found: re.Match[str], left: Iterator[int]) -> str:
    next(left)
    parts = _AT.split(found[0], _MOST_JUDGED)
    return MAIL if any(a and _is_domain(b) for a, b in itertools.pairwise(parts)) else found[0]


def _is_domain(text: str) -> bool:
    """Versions (`@5.3.0-beta.1`) and picture sizes (`@2x.png`) stand behind an @ too."""
    found = _DOMAIN.match(_DOT.sub(".", text))
    if not found:
        return False
    labels = found[0].lower().split(".")
    if labels[0].removeprefix("v").isdigit() and labels[1][:1].isdigit():
        return False
    while len(labels) > 1 and labels[-1] in _NO_DOMAIN:
        labels.pop()
    last = labels[-1]
    return len(labels) > 1 and ((len(last) > 1 and last.isalpha()) or last.startswith("xn--"))


def _run(found: re.Match[str], left: Iterator[int]) -> str:
    run = found[0]
    if _SLUG.fullmatch(run) or (found.re is _KEPT_OR_RUN and found[1] is None):
        return run
    if _is_one_letter(run):
        return run
    parts = _DOTS.split(run)  # every second one is a dot
    is_file = parts[-1].lower() in STATIC and max(map(len, parts)) <= _LONGEST_NAME
    if is_file and "eyJ" not in run:
        return run
    next(left)
    for index in range(0, len(parts) - 2, 2):
        start = parts[index].find("eyJ")  # base64 of {"
        if 0 <= start <= len(parts[index]) - 10 and parts[index + 2]:
            return _parts([*parts[:index], parts[index][:start]]) + JWT
    return run if is_file else _parts(parts)


def _parts(parts: list[str]) -> str:
    looked_at = sum(len(part) for part in parts if not _is_one_letter(part))
    return "".join(map(_part, parts)) if looked_at <= _LONGEST_WORD else TOKEN


def _is_one_letter(text: str) -> bool:
    """Over and over, longer than any secret."""
    return len(text) > _LONGEST_NAME and text.count(text[0]) == len(text)


def _part(part: str) -> str:
    if len(part) < _SHORTEST or _is_one_letter(part):
        return part
    return TOKEN.join(map(_without_random, _HEX.split(part)))


def _without_random(text: str) -> str:
    if len(text) < _SHORTEST:
        return text
    return "".join(part if number % 2 else _random(part) for number, part in enumerate(_UUID.split(text)))


def _random(text: str) -> str:
    """From the first piece that looks random to the last; and what is left and right of them, if no word is in it."""
    pieces = [found for found in _PIECE.finditer(text) if found[1]]
    odd = [found for found in pieces if len(found[1]) > 3 and _is_random(found[1])]
    lengths = [len(found[1]) for found in odd]
    if sum(lengths) < _RANDOM[0] or max(lengths) < _RANDOM[1]:
        return TOKEN if _is_random_together([found[1] for found in pieces]) and not has_words(text) else text
    before, after = text[: odd[0].start()], text[odd[-1].end() :]
    return f"{before if has_words(before) else ''}{TOKEN}{after if has_words(after) else ''}"


def _is_random_together(pieces: list[str]) -> bool:
    """base64url has two characters that are no letters and no digits: they stand in the middle of what is random."""
    together = "".join(pieces)
    least = 8 if together.islower() or together.isupper() else 5  # part numbers are in one case
    return len(together) >= _RANDOM[0] and max(map(len, pieces)) >= least and _is_random(together)


def _is_random(piece: str) -> bool:
    return not _ONLY_HEX.fullmatch(piece) and looks_random(piece)
