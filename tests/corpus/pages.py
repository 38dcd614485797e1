"""What each test page of 2026 was made to violate: by what the page does, not by what the normaliser says."""

# What each test page of 2026 violates, by what the page does: directive, kind of what was blocked, pages.
PAGES = """
img-src url: img-external img-external-query-frag img-default-src img-svg-image img-css-background img-userinfo-url
img-src url: img-long-url img-redirect img-ipv6-port img-same-twice many-50 many-mixed-20 multi-header-two-enforced
img-src url: referrer-policy-unsafe-url referrer-policy-no-referrer referrer-chain doc-query-frag doc-unicode doc-long
img-src url: doc-status-404 doc-userinfo doc-idn-host blob-document sandboxed-frame-doc frame-doc-same svg-document
img-src url: unknown-directive policy-long report-uri-two-endpoints report-uri-two-endpoints/second report-to-after-uri
img-src url: report-to-http-endpoint script-selfhosted-violator x-mixed-batch eval-default-src
img-src data: img-data img-long-data
img-src blob: img-blob
img-src other: img-filesystem-custom-scheme
img-src extension: img-filesystem-custom-scheme
script-src-elem url: script-elem-external script-redirect script-preload script-strict-dynamic many-mixed-20 worklet
script-src-elem url: script-module-selfhosted-import script-inline-nonce-mismatch worker-script-eval x-mixed-batch
script-src-elem inline: script-inline script-inline-multi script-inline-sample-ctrl script-inline-default
script-src-elem inline: script-inline-hash-mismatch script-inline-nonce-mismatch script-sample-surrogate-split
script-src-elem inline: javascript-url-click javascript-url-iframe javascript-url-form doc-status-500 svg-document
script-src-elem inline: blob-document script-selfhosted-violator extension-inject
script-src-elem data: script-data-url
script-src-attr inline: script-attr script-attr-sample script-attr-explicit script-attr-setattribute
script-src eval: eval eval-default-src eval-function eval-sample eval-multi-line eval-same-location-loop
script-src eval: worker-script-eval blob-worker-inherits script-selfhosted-violator extension-inject x-mixed-batch
script-src wasm-eval: wasm-eval-async
style-src-elem inline: style-inline-sample style-elem-explicit style-default
style-src-elem url: style-external style-elem-explicit
style-src-attr inline: style-attr style-attr-sample style-default extension-inject
font-src data: font-data
font-src url: font-from-external-css
connect-src url: connect-fetch connect-fetch-loop-distinct connect-xhr connect-ws-same-host connect-beacon connect-ping
connect-src url: connect-default blob-worker-inherits extension-inject
connect-src blob: connect-blob
connect-src data: connect-data
frame-src url: frame-src frame-child-src frame-default-src frame-redirect
frame-src data: frame-data
frame-src empty: frame-data
frame-src blob: frame-blob
frame-ancestors url: frame-ancestors-self frame-ancestors-none
frame-ancestors empty: frame-ancestors-self frame-ancestors-none
worker-src url: worker-service worker-script-fallback
media-src url: media-audio media-track
object-src url: object object-embed object-default
object-src empty: object-type-only
form-action url: form-action form-action-get form-action-redirect
base-uri url: base-uri-none
default-src url: script-prefetch
trusted-types trusted-types: tt-policy-none
require-trusted-types-for trusted-types: tt-script-sinks tt-javascript-url
"""
OTHER_TYPES = {
    "x-deprecation": {"deprecation"},
    "x-intervention": {"intervention"},
    "x-integrity-policy": {"integrity-violation"},
    "x-coop": {"coop"},
    "x-csp-hash": {"csp-hash"},
    "x-crash": {"crash"},
    "x-mixed-batch": {"deprecation", "intervention", "permissions-policy-violation"},
}


def pages() -> dict[str, set[tuple[str, str]]]:
    """By page: the pairs of directive and kind that it can give."""
    allowed: dict[str, set[tuple[str, str]]] = {}
    for line in PAGES.strip().splitlines():
        what, _, names = line.partition(":")
        directive, kind = what.split()
        for name in names.split():
            allowed.setdefault(name, set()).add((directive, kind))
    return allowed
