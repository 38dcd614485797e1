"""What is found damaged in a data dir: told, counted, and kept in a folder of its own, for a person to look at.

The rest goes on. The folder is never read again, so it may be emptied at any time.
"""

import contextlib
import errno
import logging
from pathlib import Path

from schema import metrics
from schema.health import Health

logger = logging.getLogger("sentinel.broken")
_KEPT = 50  # files; a bad disk must not fill what is left of it
NAME = "broken"
# What a disk says of bad sectors and a broken file system, and of what is no file. Anything else passes (too many open
# files), or is a person's to mend (a permission).
_DAMAGE = {errno.EIO, errno.EBADMSG, errno.EUCLEAN, errno.ENODATA, errno.EISDIR, errno.ENOTDIR, errno.ELOOP}


def is_damage(error: OSError) -> bool:
    """Whether it says that the file itself is damaged, so that trying again is no use."""
    return error.errno in _DAMAGE


class Broken:
    def __init__(self, data_dir: Path, health: Health | None = None) -> None:
        """What was set aside before is told again to `health`, until somebody empties the folder."""
        self._folder = data_dir / NAME
        self._health = health or Health()
        self._waiting: set[Path] = set()  # segments that can't be read, and are told
        found = _kept(self._folder)
        if found:
            self._say("before", f"{len(found)} damaged files were set aside in {self._folder}: look, and empty it")

    def tell(self, kind: str, sentence: str) -> None:
        """`sentence`: what is damaged, where it is kept, and what that means for the counts."""
        metrics.DAMAGED.labels(kind).inc()
        logger.error("%s", sentence, extra={"kind": kind})
        self._say(kind, sentence)

    def _say(self, kind: str, sentence: str) -> None:
        self._health.wrong(f"broken {kind}", sentence, hinders=False)

    def segment(self, path: Path, places: int) -> None:
        """`path` is damaged in so many `places`, mostly none. It is kept as it is now; what is behind them is read."""
        if not places:
            return
        metrics.SPOOL_TORN.inc(places)
        kept = self.keep(path, f"{path.parent.name}-{path.name}", goes=False)
        self.tell(
            "segment",
            f"the spool's segment {path} is damaged in {places} places: the reports that stood there are lost, all "
            f"others are stored; kept as {kept}",
        )

    def unreadable(self, path: Path, error: OSError, *, final: bool) -> None:
        """A segment of the spool that the disk doesn't give back goes, once it is `final`, that the rest can be read.

        One that is not damaged stays, and so does one that there is no room for: it is told once.
        """
        kept = ""
        if final and is_damage(error) and len(_kept(self._folder)) < _KEPT:
            kept = self.keep(path, f"{path.parent.name}-{path.name}", goes=True)
        if kept.startswith(f"{NAME}/"):
            means = f"the reports in it that were not read are not stored, all others are; kept as {kept}"
        elif path in self._waiting:
            return
        else:
            self._waiting.add(path)
            means = "the reports in it wait, all others are stored; once it can be read, they are too"
        self.tell("segment", f"the spool's segment {path} can't be read ({error.strerror}): {means}")

    def keep(self, file: Path, name: str, *, goes: bool) -> str:
        """Where it is kept; `goes`: away from where it is. A name that is taken gets a number."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            if goes and len(_kept(self._folder)) >= _KEPT:
                file.unlink()
                return f"nothing, for {NAME} is full"
            number = 0
            while (kept := self._folder / (f"{name}.{number}" if number else name)).exists():
                if not goes and kept.samefile(file):
                    return f"{NAME}/{kept.name}"
                number += 1
            if goes:
                file.replace(kept)
            elif len(_kept(self._folder)) < _KEPT:
                kept.hardlink_to(file)
            else:
                return f"nothing, for {NAME} is full"
            return f"{NAME}/{kept.name}"
        return "nothing, for that failed"


def _kept(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
