"""`backup`: a data dir into a folder, while `run` goes on. It has its name when it is whole."""

import argparse
import shutil
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from schema.migration_files import migrations
from sentinel import __version__
from sentinel.backup_files import CHECKSUM, FORMAT, MANIFEST, File, Manifest, copy, files, write_manifest
from sentinel.explained import CannotStart, explained
from sentinel.layout import LAYOUT
from sentinel.settings import Settings
from sentinel.snapshot import snapshot
from sentinel.spools import held

_OURS = {"store", "spool", "processor", MANIFEST, CHECKSUM}


def backup(settings: Settings, given: argparse.Namespace) -> int:
    """Exit code 0 when all of it is on the disk under its name."""
    _check(settings, given.folder)
    unfinished = given.folder.with_name(f"{given.folder.name}.partial")
    with explained(), held(settings, "backup"):
        _clear(unfinished)
        try:
            with snapshot(settings.data_dir) as taken:
                made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                manifest = Manifest(FORMAT, __version__, LAYOUT, migrations()[-1][0], made)
                _copy_all(taken, unfinished, manifest)
            write_manifest(unfinished, manifest)
            unfinished.rename(given.folder)
        except OSError as error:
            raise CannotStart(f"the backup can't be made: {error}") from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    size = sum(file.bytes for file in manifest.files.values())
    print(f"backed up {len(manifest.files):,} files, {size:,} bytes, as they were at {made}, to {given.folder}\n"
          "Settings, sites and noise rules are files of your own: keep them too.")  # fmt: skip
    return 0


def _check(settings: Settings, folder: Path) -> None:
    if settings.store is not None or settings.log is not None:
        raise CannotStart(
            "`backup` is of the one-machine mode (SENTINEL_LOG=spool:, SENTINEL_STORE=chdb:): "
            "of a ClickHouse server use its own BACKUP, and Kafka keeps what is on its way"
        )
    if not (settings.data_dir / "store" / "chdb").is_dir():
        raise CannotStart(f"there is no store in the data dir {settings.data_dir}: nothing to back up")
    if folder.is_mount() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise CannotStart(f"{folder} is there already: name a folder that is not, such as {folder}/"
                          f"{time.strftime('%Y-%m-%d')}")  # fmt: skip
    if folder.resolve().is_relative_to(settings.data_dir.resolve()):
        raise CannotStart(f"{folder} is inside the data dir, and would be lost with it: name another folder")


def _clear(unfinished: Path) -> None:
    """What a kill left of an earlier backup."""
    if unfinished.exists():
        if not {path.name for path in unfinished.iterdir()} <= _OURS:
            raise CannotStart(f"{unfinished} is in the way, and no unfinished backup: move it away")
        shutil.rmtree(unfinished)
    try:
        unfinished.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise CannotStart(f"the backup can't be made: {error}") from error


def _copy_all(taken: Path, to: Path, manifest: Manifest) -> None:
    found = files(taken)
    total = sum(path.lstat().st_size for path in found)
    if total > shutil.disk_usage(to).free:
        raise CannotStart(f"{to.parent} has no room for {total:,} bytes")
    with progress() as shown:
        task = shown.add_task("copying", total=total)
        for path in found:
            name = path.relative_to(taken).as_posix()
            if path.is_symlink():
                manifest.links[name] = str(path.readlink())
                continue
            its = copy(path, to / name, lambda length: shown.update(task, advance=length))
            manifest.files[name] = File(its.bytes, its.sha256)


def progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
