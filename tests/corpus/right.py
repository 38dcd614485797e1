"""What each captured report should be called, by what its page does and what its browser is: not by our rules."""

import re
from typing import Any

from tests.corpus.captures import Capture

_EXTENSION = re.compile(r"(?:chrome|moz|safari-web|safari|ms-browser)-extension\b|webkit-masked-url\b", re.IGNORECASE)
# What Firefox loads for itself, and the web views of Android.
_BROWSER_ITSELF = re.compile(r"resource\b|chrome://|about:(?!srcdoc|blank)|android-webview", re.IGNORECASE)
_BLOCKED = ("blocked-uri", "blockedURL")
_SOURCE = ("source-file", "sourceFile")
# Pages whose reports leave open what was blocked; by engine where they differ.
_OPEN_PAGES = {
    "img-redirect": "chromium firefox webkit",
    "script-redirect": "chromium firefox webkit",
    "form-action-redirect": "chromium webkit",
    "frame-redirect": "firefox",
    "script-strict-dynamic": "chromium firefox webkit",
}
_UNKNOWN_DOCUMENT = re.compile(r"blob\b|about\b|data\b|\Z", re.IGNORECASE)


def noise(capture: Capture, body: dict[str, Any]) -> str:
    """The category; every page of 2015 and 2026 is its site's own, on a host the site names."""
    urls = [_first(body, _BLOCKED), _first(body, _SOURCE)]
    if any(_EXTENSION.match(url) for url in urls):
        return "extension"
    if any(_BROWSER_ITSELF.match(url) for url in urls):
        return "browser"
    version = _firefox_version(capture)
    violated = _first(body, ("effective-directive", "violated-directive", "effectiveDirective")).split(" ")[0]
    if version and version < 43 and violated == "script-src" and urls[0].strip("'") == "self":
        return "browser"  # its own inline handling
    return ""


def verdicts(capture: Capture, body: dict[str, Any]) -> set[str]:
    """Those that are right; never `impossible`, because a browser did block it."""
    if not _first(body, ("original-policy", "originalPolicy")):
        return {"undecidable"}
    case, engine = capture.of.get("case", ""), capture.of["browser"].lower()
    if engine in _OPEN_PAGES.get(case, ""):
        return {"undecidable"}
    if not _first(body, _BLOCKED) or "frame-ancestors" in case:
        return {"undecidable", "consistent"}  # 'none' blocks whatever it was
    if _UNKNOWN_DOCUMENT.match(_first(body, ("document-uri", "documentURL"))):
        return {"undecidable", "consistent"}
    return {"consistent"}


def _first(body: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((str(body[name]) for name in names if body.get(name)), "")


def _firefox_version(capture: Capture) -> int:
    found = re.search(r"\bFirefox/(\d+)", capture.user_agent)
    return int(found[1]) if found else 0
