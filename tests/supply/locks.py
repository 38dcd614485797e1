"""What a lock says: each package with its version and its hashes."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PACKAGE = re.compile(r"^([\w.-]+)==([^\s\\;]+)(?: ;[^\\\n]*)?((?: \\\n +--hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)

Locked = dict[tuple[str, str], set[str]]  # SHA-256 by name and version: a package may be there in two versions


def locked(name: str) -> Locked:
    text = (ROOT / name).read_text()
    found = {
        (its, version): set(re.findall(r"[0-9a-f]{64}", hashes)) for its, version, hashes in _PACKAGE.findall(text)
    }
    assert len(found) == text.count("==") - text.count(" == '"), f"{name} has lines of another form"
    return found
