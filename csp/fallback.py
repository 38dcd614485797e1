"""Which directive governs what: the fallback lists of CSP3 §6.8.3, and those of the specifications around it."""

_SCRIPT = ("script-src", "default-src")
_STYLE = ("style-src", "default-src")
_FRAME = ("frame-src", "child-src", "default-src")

# By effective directive: the first one that the policy has governs, even if it is empty. Nothing is merged.
CHAINS: dict[str, tuple[str, ...]] = {
    "default-src": ("default-src",),
    "script-src": _SCRIPT,
    "script-src-elem": ("script-src-elem", *_SCRIPT),
    "script-src-attr": ("script-src-attr", *_SCRIPT),
    "style-src": _STYLE,
    "style-src-elem": ("style-src-elem", *_STYLE),
    "style-src-attr": ("style-src-attr", *_STYLE),
    "worker-src": ("worker-src", "child-src", *_SCRIPT),
    "frame-src": _FRAME,
    "fenced-frame-src": ("fenced-frame-src", *_FRAME),
    **{
        f"{kind}-src": (f"{kind}-src", "default-src")
        for kind in ("child", "connect", "font", "img", "manifest", "media", "object", "prefetch")
    },
    **{name: (name,) for name in ("base-uri", "form-action", "frame-ancestors", "navigate-to")},
}
# Engines let about: documents in there unasked.
FRAMES = frozenset({"frame-src", "child-src", "fenced-frame-src", "object-src"})
NOT_FETCHED = frozenset({"base-uri", "frame-ancestors"})
# Directives whose value is no source list.
OTHERS = frozenset(
    {
        "block-all-mixed-content",
        "report-to",
        "report-uri",
        "require-trusted-types-for",
        "sandbox",
        "trusted-types",
        "upgrade-insecure-requests",
        "webrtc",
    }
)
# A prefetch may become anything, so any of these may allow it (§6.7.2.2).
PREFETCHED = (
    "default-src",
    "child-src",
    "connect-src",
    "font-src",
    "frame-src",
    "img-src",
    "manifest-src",
    "media-src",
    "object-src",
    "script-src",
    "script-src-elem",
    "style-src",
    "style-src-elem",
    "worker-src",
)
