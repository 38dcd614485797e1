"""What is not the site's own doing: marked with a category and the rule's id, never dropped (rules 20 to 24, 10)."""

import re
from functools import lru_cache
from typing import NamedTuple

from processor.browser import major
from processor.directives import KNOWN
from processor.hosts import belongs, is_local
from processor.urls import Url
from schema.sites import Site
from schema.violation import Violation


class Noise(NamedTuple):
    """`category`: extension, injected, browser, foreign or malformed; both empty for the site's own doing."""

    category: str = ""
    rule: str = ""


class HostRule(NamedTuple):
    id: str
    domain: str  # itself and what is under it


class SampleRule(NamedTuple):
    """A text in the sample says something only together with what was blocked."""

    id: str
    category: str
    sample: str  # an expression that needs linear time
    directives: tuple[str, ...]


_SCRIPT = ("script-src", "script-src-elem", "script-src-attr", "default-src")
_STYLE = ("style-src", "style-src-elem", "style-src-attr", "default-src")
_INLINE = ("inline", "eval", "self")  # as today's browsers say it, and as Firefox before 43 did

INJECTED_HOSTS = (
    HostRule("host-kaspersky", "kaspersky-labs.com"),
    HostRule("host-adguard", "local.adguard.com"),
    HostRule("host-adguard", "local.adguard.org"),
    HostRule("host-adguard", "injections.adguard.com"),
    HostRule("host-adguard", "injections.adguard.org"),
    HostRule("host-superfish", "superfish.com"),
    HostRule("host-honey", "cdn.joinhoney.com"),
    HostRule("host-adware", "tlscdn.com"),
    HostRule("host-adware", "metrext.com"),
    HostRule("host-adware", "image2play.com"),
    HostRule("host-adware", "ciuvo.com"),
    HostRule("host-adware", "eshopcomp.com"),
    HostRule("host-adware", "netcheckcdn.xyz"),
    HostRule("host-adware", "myshopmatemac.com"),
    HostRule("host-adware", "datafastguru.info"),
    HostRule("host-adware", "zilionfast.in"),
)

# Each seen in reports from sites that hold no such code. Browsers cut samples at 40 characters.
SAMPLES = (
    SampleRule("sample-extension-url", "extension", r"(?:chrome|moz|safari|safari-web)-extension://", _SCRIPT + _STYLE),
    SampleRule("sample-react-devtools", "extension", r"function installGlobalHook\(", _SCRIPT),
    SampleRule("sample-vue-devtools", "extension", r"\(function (?:installHook|detect) \(win", _SCRIPT),
    SampleRule("sample-redux-devtools", "extension", r"__REDUX_DEVTOOLS_EXTENSION", _SCRIPT),
    SampleRule("sample-adguard", "extension", r"\bAG_onLoad\b|function injectPageScriptAPI\(", _SCRIPT),
    SampleRule("sample-analytics-opt-out", "extension", r'window\["_gaUserPrefs"\]', _SCRIPT),
    SampleRule("sample-vimium", "extension", r"vimiumOnClickAttributeName", _SCRIPT),
    SampleRule("sample-loop11", "extension", r"loop11ExtTerritory", _SCRIPT),
    SampleRule("sample-ng-inspect", "extension", r"_ngInspect_clickedEl", _SCRIPT),
    SampleRule("sample-kaspersky", "injected", r"\bklTabId_kis\b", _SCRIPT),
    SampleRule("sample-keepass", "extension", r"\.cip-genpw-icon|\.cip-ui-", _STYLE),
    SampleRule("sample-vim-vixen", "extension", r"\.vimvixen-", _STYLE),
    SampleRule("sample-diigo", "extension", r"\.diigolet\b", _STYLE),
    SampleRule("sample-translate", "extension", r"#s3gt_translate_tooltip", _STYLE),
    SampleRule("sample-autocardanywhere", "extension", r"\.autocardanywhere-", _STYLE),
    SampleRule("sample-ad-hiding", "extension", r"ADS-RIGHT,|\[ad-id\^=|:root \.mod > \._jH|\.text_werbung\b", _STYLE),
)
_ANY_SAMPLE = re.compile("|".join(rule.sample for rule in SAMPLES))
_SAMPLES = tuple((rule, re.compile(rule.sample)) for rule in SAMPLES)

_NONE = Noise()


def noise(violation: Violation, document: Url, blocked: Url, source: Url, site: Site) -> Noise:
    """The first rule that holds; `violation` is complete but for its noise."""
    return (
        _by_scheme(document, blocked, source)
        or _by_host(violation.document_host, blocked, source)
        or _by_sample(violation)
        or _by_firefox_version(violation)
        or _by_document(document, site)
        or (_NONE if violation.effective_directive in KNOWN else Noise("malformed", "unknown-directive"))
    )


def _by_scheme(document: Url, blocked: Url, source: Url) -> Noise | None:
    kinds = (blocked.kind, source.kind, document.kind)
    if "extension" in kinds:
        return Noise("extension", "extension-scheme")
    if "browser" not in kinds:
        return None
    schemes = (blocked.scheme, source.scheme, document.scheme)
    return Noise("browser", "view-source" if "view-source" in schemes else "browser-scheme")


def _by_host(document_host: str, blocked: Url, source: Url) -> Noise | None:
    for url in (blocked, source):
        rule = _injected(url.host) if url.host else None
        if rule is not None and not belongs(document_host, rule.domain):
            return Noise("injected", rule.id)
    return None


@lru_cache(maxsize=8192)
def _injected(host: str) -> HostRule | None:
    return next((rule for rule in INJECTED_HOSTS if belongs(host, rule.domain)), None)


def _by_sample(violation: Violation) -> Noise | None:
    if violation.blocked_kind not in _INLINE or not _ANY_SAMPLE.search(violation.sample):
        return None
    for rule, found in _SAMPLES:
        if violation.effective_directive in rule.directives and found.search(violation.sample):
            return Noise(rule.category, rule.id)
    return None


def _by_firefox_version(violation: Violation) -> Noise | None:
    """Old Firefox reported what it did itself: bookmarklets, its inline handling, its error pages (rule 23)."""
    if not violation.browser.startswith("Firefox") or violation.browser == "Firefox iOS":
        return None
    version = int(major(violation.browser_version) or 0)
    if version < 43 and violation.blocked_kind == "self" and violation.effective_directive == "script-src":
        return Noise("browser", "firefox-inline-self")
    if version < 49 and violation.blocked_kind == "about" and violation.effective_directive == "base-uri":
        return Noise("browser", "firefox-base-uri")
    return None


def _by_document(document: Url, site: Site) -> Noise | None:
    """Somebody's copy or development machine, unless the site names that host as its own."""
    if document.scheme == "file":
        return Noise("foreign", "local-document")
    if not document.host or not is_local(document.host) or (site.hosts and site.owns(document.host)):
        return None
    return Noise("foreign", "local-document")
