"""The schemes that say what a URL is before its host does (rules 13, 20, 35, 37)."""

from csp.urls import DEFAULT_PORTS

_EXTENSION = """
    chrome-extension chrome-extension-resource moz-extension safari-extension safari-web-extension ms-browser-extension
    extension opera-extension mxaddon-pkg se-extension webkit-masked-url
"""
# What browsers, their web views and the apps around them load for themselves. From our captures, and from what other
# collectors filter by default.
_BROWSER = """
    chrome chrome-devtools chrome-error chrome-native chrome-search chrome-untrusted chromeinvoke
    chromeinvokeimmediate chromenull devtools edge brave opera vivaldi view-source resource safari-resource moz-icon
    moz-page-thumb moz-safe-about page-icon jar wyciwyg res mx mxjscall mbinit symres tmtbff gsa android-webview
    android-webview-video-poster webviewprogressproxy applewebdata x-apple-ql-id ms-appx ms-appx-web wvjbscheme
    nativebaiduhd bdvideo
"""

KINDS: dict[str, str] = {
    "data": "data",
    "blob": "blob",
    "filesystem": "filesystem",
    "about": "about",
    "file": "other",
    **dict.fromkeys(DEFAULT_PORTS, "url"),  # their URLs name a host on the network
    **dict.fromkeys(_EXTENSION.split(), "extension"),
    **dict.fromkeys(_BROWSER.split(), "browser"),
}

# What stands where the blocked URL should, when it wasn't a URL that was blocked (rule 11).
KEYWORDS: dict[str, str] = {
    "inline": "inline",
    "eval": "eval",
    "wasm-eval": "wasm-eval",
    "self": "self",
    "trusted-types-policy": "trusted-types",
    "trusted-types-sink": "trusted-types",
}
