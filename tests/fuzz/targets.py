"""Every target: a function from bytes, which raises where something is wrong with what it tries."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.fuzz import asked, files, policies, records, reports

CORPUS = Path(__file__).parent / "corpus"


class Target(NamedTuple):
    """`longest` is of an input, in bytes."""

    run: Callable[[bytes], None]
    longest: int = 4096


TARGETS = {
    "report": Target(reports.report),
    "accept": Target(reports.accept),
    "normalise": Target(reports.normal),
    "fold": Target(reports.folded),
    "policy": Target(policies.policy),
    "match": Target(policies.match),
    "line": Target(policies.line),
    "spool": Target(records.spool),
    "damage": Target(records.damage),
    "envelope": Target(records.envelope),
    "sites": Target(files.sites, 2048),
    "noise": Target(files.noise, 2048),
    "settings-file": Target(files.settings_file, 2048),
    "import": Target(files.imported),
    "data-dir": Target(files.data_dir),
    "settings": Target(asked.settings, 1024),
    "question": Target(asked.question, 1024),
    "decision": Target(asked.decision),
}


def kept(name: str) -> list[bytes]:
    """The corpus of a target."""
    return [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))]
