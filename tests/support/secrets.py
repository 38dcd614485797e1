"""Secrets as they stand in URLs, made up, and the paths of ordinary pages that only look a little like them."""

import base64
import json
import string
import uuid

from hypothesis import strategies as st


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _jwt(claims: dict[str, object], signature: bytes) -> str:
    head = {"alg": "HS256", "typ": "JWT"}
    return ".".join(_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims)) + (
        "." + _base64url(signature)
    )


_CLAIMS = st.dictionaries(
    st.sampled_from(["sub", "iat", "mail"]), st.integers(0, 2**40) | st.text(max_size=8), min_size=1
)
JWTS = st.builds(_jwt, _CLAIMS, st.binary(min_size=32, max_size=64))
HEX = st.text("0123456789abcdef", min_size=32, max_size=128) | st.text("0123456789ABCDEF", min_size=32, max_size=64)
_NAME = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
_DOMAIN = st.builds(
    "{}{}.{}".format, st.sampled_from("abcm"), _NAME, st.sampled_from(["example", "co.uk", "com", "io"])
)
MAILS = st.builds(
    "{}{}{}".format,
    st.builds("{}{}{}".format, _NAME, st.sampled_from(["", ".", "+", "_", "-"]), _NAME),
    st.sampled_from(["@", "%40", "%2540"]),
    _DOMAIN,
)
SECRETS = JWTS | HEX | MAILS
UUIDS = st.uuids().map(uuid.UUID.__str__)

ORDINARY = """
/ /cart /en-GB/help/getting-started /de/größen /2024/05/17/a-long-day /archive/2024-05-17T10:22:33Z
/the-quick-brown-fox-jumps-over-the-lazy-dog-and-other-stories-2024-edition
/donaudampfschifffahrtsgesellschaftskapitaen /nieuwsbrief-aanmelden-voor-particuliere-klanten
/przyklad-bardzo-dlugiego-adresu-strony-internetowej /Nike-Air-Max-90-Mens-Shoes-CW2288-111
/iPhone15ProMax256GBBlackTitanium /getElementByIdPolyfillBundleForInternetExplorer11.js
/lib/XMLHttpRequestUploadProgressEvents.js /npm/bootstrap@5.3.0/dist/css/bootstrap.min.css /@user/post
/npm/@babel/core@7.23.9/lib/index.js /npm/vue@3.4.0-beta.1/dist/vue.global.prod.js
/gh/jquery/jquery@v3.7.1/dist/jquery.js
/npm/react@next/umd/react.production.min.js /npm/lodash@4.17.21.min.js /img/logo@2x.png /img/logo@2x-min.webp
/app.3f2a9c8e.js /main-BxYz12aQ.css /vendor~abc123def456.chunk.js /assets/index-DkGqYbTz.js
/fonts/KFOmCnqEu92Fr1Mu72xKOzY.woff2
/assets/application-0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9.js
/0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9.css /users/507f1f77bcf86cd799439011
/u/123e4567-e89b-12d3-a456-426614174000/invoice-123e4567-e89b-12d3-a456-426614174000.pdf /watch/dQw4w9WgXcQ
/%D0%BF%D1%80%D0%B8%D0%B2%D0%B5%D1%82-%D0%BC%D0%B8%D1%80-%D0%B0%D0%B1%D0%B2 /a;v=1;lang=en/b /tel/+4912345678901234
/s/player/4fcd6e4a/player_ias.vflset/en_US/base.js /wp-content/uploads/2024/05/photo-of-the-team-1024x768.jpg
""".split()  # noqa: SIM905  (one path a word)
