"""A setting's name as somebody wrote it: ours, somebody else's, or ours misspelt."""

import difflib
import re
from collections.abc import Collection

from sentinel.readers import masked

PREFIX = "SENTINEL_"
FILE = "SENTINEL_SETTINGS"
SECRET = frozenset(
    {"console_token", "console_viewer_token", "console_secret", "oidc_client_secret", "webhooks", "webhook_secret"}
)

_SECRET_WORD = re.compile(r"TOKEN|PASS|PWD|SECRET|KEY|CRED|AUTH|HOOK", re.IGNORECASE)


class Misspelt(Exception):
    """Carries what would be right, as the end of a sentence; `shown` is the name and its value, masked."""

    def __init__(self, shown: str, right: str) -> None:
        super().__init__(right)
        self.shown = shown


def field_of(name: str, text: str, fields: Collection[str], *, bare: bool = False) -> str | None:
    """The one of `fields` that `name` sets; None where the name is somebody else's. Raises Misspelt.

    `bare`: a file of ours alone, where names stand without the prefix too and every one of them must be known.
    """
    field = name.removeprefix(PREFIX).lower()
    if field in fields and name in {PREFIX + field.upper(), field if bare else ""}:
        return field
    if not (bare or name.upper().startswith(PREFIX) or _misspelt_prefix(name, fields)):
        return None
    if name.upper() == FILE:
        raise Misspelt(name, f"a settings file is named by {FILE} in the environment, or by --settings")
    close = _closest(name, fields)
    secret = _SECRET_WORD.search(name) or close in SECRET
    right = f"did you mean {PREFIX}{close.upper()}?" if close else "`csp-sentinel settings` lists those there are"
    raise Misspelt(f"{name}={'***' if secret else masked(text)}", f"there is no such setting; {right}")


def _misspelt_prefix(name: str, fields: Collection[str]) -> str:
    """SENTINAL_PORT is ours, misspelt; SENTRY_DSN and SENTINELONE_HOST are not."""
    if name[:1] not in {"S", "s"}:
        return ""
    names = {PREFIX + field.upper(): field for field in fields}
    return next((names[match] for match in difflib.get_close_matches(name.upper(), names, 1, 0.9)), "")


def _closest(name: str, fields: Collection[str]) -> str:
    if whole := _misspelt_prefix(name, fields):
        return whole
    stem = name.lower().removeprefix(PREFIX.lower())
    part = [field for field in fields if len(stem) > 3 and stem in field]
    return next(iter(part or difflib.get_close_matches(stem, fields, 1, 0.6)), "")
