"""Which engine a User-Agent names, and in what shapes that engine sends reports (rules 9, 31 to 34; the captures)."""

import re
from functools import lru_cache
from typing import NamedTuple

from schema.report import SPELLINGS, Entry

_CHROMIUM = re.compile(r"(?:Chrome|Chromium)/(\d{1,4})")
_FIREFOX = re.compile(r"(?:Firefox/|rv:(?!.*Firefox/))(\d{1,4})")  # its rv: stood still for a while
_WEBKIT = re.compile(r"Version/(\d{1,4})")


class Engine(NamedTuple):
    """`version` is the browser's major, 0 where the User-Agent doesn't say: then of any age."""

    name: str  # chromium, firefox, webkit, edge; else: none (no User-Agent), tool, unknown
    version: int = 0


@lru_cache(maxsize=4096)
def engine(user_agent: str) -> Engine:
    if not user_agent:
        return Engine("none")
    if "Edge/" in user_agent:
        return Engine("edge")
    if found := _CHROMIUM.search(user_agent):
        return Engine("chromium", int(found[1]))
    if "AppleWebKit/" in user_agent:  # also all of iOS, whatever the browser is called
        return Engine("webkit", _version(_WEBKIT, user_agent))
    if "Gecko/" in user_agent:
        return Engine("firefox", _version(_FIREFOX, user_agent))
    # For a quarter of a century every browser has called itself Mozilla first.
    return Engine("unknown" if user_agent.startswith("Mozilla/") else "tool")


def _version(pattern: re.Pattern[str], user_agent: str) -> int:
    found = pattern.search(user_agent)
    return int(found[1]) if found else 0


_FIELDS = frozenset(name for names in SPELLINGS.values() for name in names)
_KEBAB = frozenset(
    {name for names in SPELLINGS.values() for name in names if "-" in name} | {"referrer", "disposition"}
)
_CAMEL = frozenset({
    "documentURL", "referrer", "blockedURL", "effectiveDirective", "originalPolicy", "disposition", "sourceFile",
    "lineNumber", "columnNumber", "statusCode", "sample",
})  # fmt: skip
_ALL = _FIELDS - {"request"}  # Firefox before 14
_NOT_LEGACY, _NOT_MODERN = _ALL - _KEBAB, _ALL - _CAMEL


def _spells(legacy: bool, fields: frozenset[str]) -> bool:
    """Whether each field is written as browsers write it in such an envelope."""
    return fields.isdisjoint(_NOT_LEGACY if legacy else _NOT_MODERN)


OBJECT, WEBKIT_LEGACY, WEBKIT_MODERN, ARRAY, NOBODYS = "object", "webkit-legacy", "webkit-modern", "array", ""
_EVER = (0, 9999)
# From which version to which. The captures hold versions on either side of a change; we leave room between.
_SENDS: dict[tuple[str, str], tuple[int, int]] = {
    ("chromium", OBJECT): _EVER,
    ("chromium", ARRAY): (70, 9999),
    ("firefox", OBJECT): _EVER,
    ("firefox", ARRAY): _EVER,
    ("webkit", OBJECT): (0, 20),
    ("webkit", WEBKIT_LEGACY): (13, 9999),
    ("webkit", WEBKIT_MODERN): (13, 9999),
    ("edge", OBJECT): _EVER,
}


def _shape(legacy: bool, in_array: bool, has_url: bool, has_age: bool, has_agent: bool) -> str:
    """The envelope. Three of today's five shapes are lone objects (rule 31)."""
    if legacy:
        if in_array or has_age or has_agent:
            return NOBODYS
        return WEBKIT_LEGACY if has_url else OBJECT
    if in_array:
        return ARRAY if has_age and has_agent else NOBODYS
    return NOBODYS if has_age or has_agent else WEBKIT_MODERN


def _sends(engine: Engine, shape: str) -> bool:
    versions = _SENDS.get((engine.name, shape))
    return versions is not None and (not engine.version or versions[0] <= engine.version <= versions[1])


_MODERN = frozenset({"documentURL", "effectiveDirective", "originalPolicy", "disposition", "statusCode"})
_LEGACY = frozenset({"document-uri", "effective-directive", "violated-directive", "original-policy"})
_FILLED: dict[str, tuple[int, frozenset[str]]] = {  # since when an engine's legacy reports always have these
    "chromium": (60, _LEGACY | {"disposition"}),
    "firefox": (130, _LEGACY | {"disposition"}),
    "webkit": (16, _LEGACY),
}


def _fills(engine: Engine, legacy: bool, fields: frozenset[str]) -> bool:
    """Whether the fields are there that this engine always sends in this envelope, and none that it never does."""
    if not legacy:
        return fields >= _MODERN
    if engine.name == "webkit" and "disposition" in fields:  # not even for report-only (rule 34)
        return False
    since, wanted = _FILLED.get(engine.name, (0, frozenset()))
    return engine.version < since or fields >= wanted


_STRANGER = {"none": "no-user-agent", "tool": "not-a-browser", "unknown": "unknown-browser"}
STRANGERS = frozenset(_STRANGER.values())  # of whose reports nothing more is known


Likeness = tuple[bool, bool, bool, bool, bool, tuple[str, ...]]


def likeness(entry: Entry) -> Likeness:
    """All that tells which browser may have made it: what stands around its body, and the names in it."""
    # Keys we don't know say nothing; and a cache of what anybody made up would be large.
    names = entry.body if _FIELDS.issuperset(entry.body) else filter(_FIELDS.__contains__, entry.body)
    return (
        entry.legacy, entry.in_array, entry.url is not None, entry.age is not None, entry.user_agent is not None,
        tuple(names),
    )  # fmt: skip


def suspicion(user_agent: str, its: Likeness) -> str:
    """What there is about a report that the browser it names would not send; of trust.TAKES, or nothing."""
    legacy, *beside, names = its
    shape = _shape(legacy, *beside)
    by = engine(user_agent)
    if by.name in _STRANGER:
        return _STRANGER[by.name]
    if not _sends(by, shape):
        return "shape-not-the-browsers"
    fields = frozenset(names)
    if not _spells(legacy, fields):
        return "keys-not-the-browsers"
    return "" if _fills(by, legacy, fields) else "fields-not-the-browsers"
