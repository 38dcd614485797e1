"""An event: something to be told once. And its title, which says it all in a line."""

from hashlib import blake2b
from typing import Any

import msgspec

from alerts.texts import clean, host_or_kind


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """`evidence` holds texts as they are stored, by name (alerts/evidence.py)."""

    kind: str
    site: str
    directive: str = ""
    blocked: str = ""  # a host or a kind; of a policy its hash
    occasion: str = ""  # what tells two events about the same apart
    time: int  # ms, when it happened
    title: str  # empty where it is written down only so that it isn't found again
    evidence: dict[str, Any]

    @property
    def id(self) -> str:
        """The same for the same event, whoever finds it."""
        what = msgspec.json.encode([self.kind, self.site, self.directive, self.blocked, self.occasion])
        return blake2b(what, digest_size=16).hexdigest()


def title(kind: str, site: str, directive: str = "", blocked: str = "", more: str = "") -> str:
    """One line, cleaned, at most some 200 characters. `more` is the part that only the finder knows."""
    its = f"{clean(directive, 40) or 'a directive'} blocked {host_or_kind(blocked)}"
    says = {
        "new-source": f"{its}, never seen before",
        "returned": f"{its} again, {more}",
        "spike": f"reports jumped to {more}",
        "silence": f"no report {more}",
        "new-policy": f"a policy never seen before, {blocked[:16]}",
        "flood": f"{more}",
    }
    return f"{clean(site, 63)}: {says[kind]}"
