"""What a processor is about to insert, written beside the group's offset: whoever takes over repeats exactly that."""

import base64
import binascii
from typing import NamedTuple

from log.reading import OtherVersion

_FAMILY = "csp-sentinel-"
_MARK = f"{_FAMILY}1"


class Intent(NamedTuple):
    """The records from the committed offset to `end` (exclusive) are the batch `id`."""

    end: int
    id: str
    decided: bytes


def written(intent: Intent) -> str:
    """As the metadata of an offset commit: Kafka keeps a short text there (4096 bytes by default)."""
    return f"{_MARK} {intent.end} {intent.id} {base64.b64encode(intent.decided).decode()}"


def read(metadata: str) -> Intent | None:
    """None where nothing was under way, or the text is not ours. Raises OtherVersion."""
    mark, _, rest = metadata.partition(" ")
    if mark.startswith(_FAMILY) and mark != _MARK:
        raise OtherVersion(
            f"a batch was begun by another version of csp-sentinel ({mark}), and only that can repeat it: run it here"
        )
    parts = rest.split(" ")
    if mark != _MARK or len(parts) != 3 or not parts[0].isdecimal():
        return None
    try:
        return Intent(int(parts[0]), parts[1], base64.b64decode(parts[2], validate=True))
    except binascii.Error:
        return None
