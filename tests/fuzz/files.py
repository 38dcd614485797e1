"""Files that people write or bring: sites, noise rules, settings, reports to import; and those a disk has damaged."""

import atexit
import contextlib
import io
import os
import shutil
import tempfile
from pathlib import Path

from log import position
from processor.fold import fold
from processor.normalise import normalise
from schema import delivery
from schema.delivery import Delivery, Kind
from schema.noise import BadRules
from schema.noise_files import load_rules, version_of
from schema.sites import BadSites, Site, Sites
from sentinel import layout
from sentinel.backup_files import BadBackup, read_manifest
from sentinel.explained import CannotStart
from sentinel.imports import Reading, Skipped
from sentinel.in_force import files as in_force
from sentinel.settings import Settings, WrongSetting, read
from tests.support.reports import PLAIN, RECEIVED_MS, entry
from tests.support.storable import assert_storable

_folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
atexit.register(shutil.rmtree, _folder, ignore_errors=True)


def sites(data: bytes) -> None:
    """As a sites file: sites, or a sentence that names the file."""
    path = _folder / "sites.toml"
    path.write_bytes(data)
    try:
        found = in_force(Settings(sites=path))
    except (BadSites, BadRules) as error:
        _names(path, error)
        return
    for label, site in (found.table or {}).items():
        assert 0 <= site.sample <= 1
        assert not site.hosts or not site.owns("\0")
        assert found.get(label) is site


def noise(data: bytes) -> None:
    """As a rules file: rules, which any report can be asked by, or a sentence that names the file."""
    path = _folder / "rules.toml"
    path.write_bytes(data)
    try:
        found = load_rules(path)
    except BadRules as error:
        _names(path, error)
        return
    assert found is not None
    assert version_of(found).startswith(found.version)
    for sample in ("", "a" * 1024, "ab" * 512, "x\n" * 512):
        one = Delivery(RECEIVED_MS, "shop", Kind.REPORTS, 1, b"", b"")
        assert_storable(normalise(entry(PLAIN | {"script-sample": sample}), one, Site(), found))


def _names(path: Path, error: Exception) -> None:
    assert str(path) in str(error)


def settings_file(data: bytes) -> None:
    """TOML where it begins with a line feed, else `.env`-style: settings, or a sentence."""
    path = _folder / ("settings.toml" if data[:1] == b"\n" else "settings.env")
    path.write_bytes(data)
    with contextlib.suppress(WrongSetting):
        read({}, path, {})


def data_dir(data: bytes) -> None:
    """Which file of a data dir or a backup, and what damage left in it: read, or one sentence that names the folder."""
    name = ("manifest.json", "layout.json", "position.json")[(data or b"\0")[0] % 3]
    path = _folder / name
    path.write_bytes(data[1:])
    try:
        if name == "manifest.json":
            assert not any(os.path.normpath(name).startswith("..") for name in read_manifest(_folder).files)
        elif name == "layout.json":
            layout.check(_folder)
        else:
            found = position.load(path)
            assert found.known == (not found.broken)
    except (BadBackup, CannotStart) as error:
        _names(_folder, error)


def imported(data: bytes) -> None:
    """As a file to import: deliveries that the log and the processor take, or what was skipped, and why."""
    for found in Reading(io.BytesIO(data), "shop", RECEIVED_MS):
        if isinstance(found, Skipped):
            assert found.line > 0
            assert found.why
            continue
        assert found.count >= 1
        assert delivery.decode(delivery.encode(found)) == found
        fold([found], (), Sites())
