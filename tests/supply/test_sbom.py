"""The list of what is in the program, as the Makefile and the image's build make it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.supply.locks import ROOT, locked

COMMAND = re.compile(r"^(?:RUN |\t\$\(BIN\)/)(cyclonedx-py .*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def words() -> list[str]:
    """The command of `make sbom`."""
    return COMMAND.search((ROOT / "Makefile").read_text())[1].split()


@pytest.fixture(scope="module")
def written(words, tmp_path_factory) -> dict:
    file = tmp_path_factory.mktemp("sbom") / words[-1]
    tool = Path(sys.executable).with_name(words[0])
    subprocess.run([tool, *words[1:-1], file], cwd=ROOT, check=True, timeout=120, capture_output=True)
    return json.loads(file.read_text())


def test_it_is_cyclonedx_of_this_program(written):
    assert written["bomFormat"] == "CycloneDX"
    main = written["metadata"]["component"]
    assert (main["name"], main["type"]) == ("csp-sentinel", "application")


def test_it_names_every_package_of_the_lock_with_its_hashes(written):
    found = {
        (its["name"], its["version"]): {
            one["content"] for where in its["externalReferences"] for one in where.get("hashes", ())
        }
        for its in written["components"]
    }
    assert found == locked("requirements.lock")


def test_the_image_gets_the_same_of_the_lock_that_it_is_built_from(words):
    text = (ROOT / "Dockerfile").read_text()
    assert COMMAND.search(text)[1].replace("${LOCK}", "requirements.lock").split() == words
    assert "pip install --require-hashes --only-binary :all: -r ${LOCK}" in text
    assert "COPY --from=sbom /build/sbom.cdx.json /usr/share/csp-sentinel/sbom.cdx.json" in text
