"""docs/licences.md: every package that comes with the program, under a licence that lets us."""

import re
import sys

import pytest

from tests.supply.licences import PAGE, page, unknown
from tests.supply.locks import locked


def rows() -> dict[tuple[str, str], str]:
    found = re.findall(r"^\| ([\w.-]+) \| ([\w.]+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    return {(name, version): licence for name, version, licence in found if name != "package"}


def test_it_lists_every_package_of_the_lock_and_no_other():
    assert rows().keys() == locked("requirements.lock").keys()


def test_each_may_be_shipped():
    assert {its: unknown(licence) for its, licence in rows().items() if unknown(licence)} == {}


@pytest.mark.parametrize("licence", ["GPL-3.0-or-later", "MIT AND AGPL-3.0-only", "UNKNOWN", ""])
def test_what_may_not_be_shipped_or_is_not_known_is_refused(licence):
    assert unknown(licence)


def test_of_alternatives_one_is_enough():
    assert not unknown("GPL-2.0-only OR MIT")


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="not for this Python: it has no use for some of the packages")
def test_it_is_what_the_packages_say():
    assert PAGE.read_text() == page()
