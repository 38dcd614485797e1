"""docs/licences.md: the packages that come with the program and their licences, from their own metadata.

`make licences` writes it; what a package says is read off the one that is installed, which the lock pins.
"""

import importlib.metadata
import re
import sys
from importlib.metadata import PackageNotFoundError

from tests.supply.locks import ROOT, locked

PAGE = ROOT / "docs" / "licences.md"
# By SPDX. All but MPL-2.0 ask for their notice and no more; MPL-2.0 for its own files' source, which the package is.
MAY_SHIP = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "Zlib",
    }
)
# As old metadata spell it; "BSD License" doesn't say which, so it is looked up in the package: two or three clauses.
_SPELT = {"Apache 2": "Apache-2.0", "Apache 2.0": "Apache-2.0", "MIT License": "MIT"}
_BY_ITS_TEXT = {
    "itsdangerous": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "lz4": "BSD-3-Clause",
    "uvloop": "MIT OR Apache-2.0",
}
_HEAD = """# Licences

CSP-Sentinel itself is under the [MIT licence](../LICENSE). These packages come with it, by `requirements.lock`; `make
licences` writes this page from their metadata. In some there are libraries of others, such as ClickHouse in chDB, Arrow
in pyarrow and OpenSSL in cryptography, with licences of their own, which come with the package.

| package | version | licence |
|---|---|---|
"""


def licence(name: str) -> str:
    """As an SPDX expression. Raises LookupError where the metadata don't say one."""
    if name in _BY_ITS_TEXT:
        return _BY_ITS_TEXT[name]
    its = importlib.metadata.metadata(name)
    classified = [line for line in its.get_all("Classifier") or () if line.startswith("License ::")]
    says = its.get("License-Expression") or its.get("License") or "".join(classified).rpartition(" :: ")[2]
    says = _SPELT.get(says, says)
    if not says or "\n" in says or unknown(says):
        raise LookupError(f"{name} says {says[:80]!r}, which is no licence known here")
    return says


def unknown(expression: str) -> list[str]:
    """What in it we may not ship, or don't know; of alternatives one that we may is enough."""
    of_each = [re.split(r" AND ", one.strip("() ")) for one in expression.split(" OR ")]
    return min(([its for its in one if its not in MAY_SHIP] for one in of_each), key=len)


def page() -> str:
    """Raises LookupError; PackageNotFoundError where `make install` is due."""
    rows = [f"| {name} | {version} | {licence(name)} |\n" for name, version in sorted(locked("requirements.lock"))]
    return _HEAD + "".join(rows)


if __name__ == "__main__":
    try:
        PAGE.write_text(page())
    except (LookupError, PackageNotFoundError) as error:
        sys.exit(f"the page was not written: {error}")
