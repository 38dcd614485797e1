"""Where a login leads to: back to the page that was asked for, and never to another site."""

import re
from urllib.parse import quote

from starlette.requests import Request

# Browsers read \ as /, and drop tabs and line breaks: what begins with two of them names a host.
_LOCAL = re.compile(r"/(?!/)[!-\[\]-~]*", re.ASCII)
_LONGEST = 2000  # characters


def local(text: str) -> str:
    """`text` if it is a path of ours with its query, else the overview."""
    return text if len(text) <= _LONGEST and _LOCAL.fullmatch(text) else "/"


def login_for(request: Request) -> str:
    """The login's address, which leads back to what is asked for."""
    query = request.scope["query_string"].decode("latin-1")
    wanted = local(quote(request.scope["path"]) + (f"?{query}" if query else ""))
    return "/login" if wanted == "/" else f"/login?next={quote(wanted, safe='/')}"
