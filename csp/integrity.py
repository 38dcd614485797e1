"""External scripts by hash: CSP3 §6.7.2.4 over the `integrity` attribute as Subresource Integrity reads it."""

import re

# Malformed items and unknown algorithms are left out, as Chromium and Firefox do; `?` begins an item's options.
_ITEM = re.compile(r"(sha256|sha384|sha512)-([A-Za-z0-9+/_-]+={0,2})(?:\?[!-~]*)?", re.IGNORECASE | re.ASCII)
_WHITE = re.compile("[\t\n\f\r ]+")


def match_integrity(hashes: frozenset[tuple[str, str]], metadata: str) -> bool:
    """Every recognised item must be listed, letter by letter, and there must be one."""
    if not hashes or not metadata:
        return False
    items = {(found[1].lower(), found[2]) for item in _WHITE.split(metadata) if (found := _ITEM.fullmatch(item))}
    return bool(items) and items <= hashes
