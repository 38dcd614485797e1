"""`restore`: a backup into an empty data dir, every file checked against what was backed up."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from schema.migration_files import migrations
from sentinel import layout
from sentinel.backing_up import progress
from sentinel.backup_files import CHECKSUM, FORMAT, BadBackup, Manifest, NotAFile, copy, has_checksum, read_manifest
from sentinel.explained import CannotStart
from sentinel.settings import Settings

_ALLOWED = {"lost+found"}  # of the file system's own


def restore(settings: Settings, given: argparse.Namespace) -> int:
    data_dir = settings.data_dir
    try:
        manifest = read_manifest(given.folder)
        _check(manifest, given.folder, data_dir)
        if not has_checksum(given.folder):
            print(f"{given.folder} has no {CHECKSUM}, as one of an older version: its list of files is taken as it is, "
                  "each file is checked", file=sys.stderr)  # fmt: skip
        _restore(manifest, given.folder, data_dir)
    except BadBackup as error:
        raise CannotStart(str(error)) from error
    except OSError as error:
        raise CannotStart(f"the data dir {data_dir} can't be written: {error}") from error
    print(f"restored {len(manifest.files):,} files as they were at {manifest.made} into {data_dir}\n"
          f"`csp-sentinel run --data-dir {data_dir}` goes on from there.")  # fmt: skip
    return 0


def _check(manifest: Manifest, folder: Path, data_dir: Path) -> None:
    newest = migrations()[-1][0]
    if manifest.format > FORMAT or manifest.layout > layout.LAYOUT or manifest.migration > newest:
        raise BadBackup(f"{folder} was made by a newer csp-sentinel ({manifest.program}): restore it with that version")
    if layout.is_unfinished(data_dir):
        _empty(data_dir)  # nothing has used it since
    if data_dir.exists() and {path.name for path in data_dir.iterdir()} - _ALLOWED:
        raise BadBackup(f"the data dir {data_dir} is not empty: restore into another (--data-dir), or empty it")


def _restore(manifest: Manifest, folder: Path, data_dir: Path) -> None:
    """Until all of it is there the folder is marked, so that nothing starts with a part of it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    total = sum(file.bytes for file in manifest.files.values())
    if total > shutil.disk_usage(data_dir).free:
        raise BadBackup(f"{data_dir} has no room for {total:,} bytes")
    layout.write(data_dir, unfinished="restore")
    try:
        with progress() as shown:
            task = shown.add_task("restoring", total=total)
            for name, file in manifest.files.items():
                try:
                    its = copy(folder / name, data_dir / name, lambda length: shown.update(task, advance=length))
                except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                    raise BadBackup(f"{folder / name} is missing from the backup; nothing was restored") from None
                except NotAFile as error:
                    raise BadBackup(f"{folder / name} {error.strerror}; nothing was restored") from None
                if (its.bytes, its.sha256) != (file.bytes, file.sha256):
                    raise BadBackup(f"{folder / name} is not as it was backed up; nothing was restored")
        for name, target in manifest.links.items():
            (data_dir / name).parent.mkdir(parents=True, exist_ok=True)
            (data_dir / name).symlink_to(target)
        os.sync()
    except (BadBackup, OSError):
        _empty(data_dir)
        raise
    layout.write(data_dir)


def _empty(data_dir: Path) -> None:
    for name in ("store", "spool", "processor"):
        shutil.rmtree(data_dir / name, ignore_errors=True)
    (data_dir / "layout.json").unlink(missing_ok=True)
