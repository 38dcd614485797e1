"""The spools under a data dir: which are nobody's now, and whether they were left by the other kind of log."""

from pathlib import Path

from log.segments import has_writer, segments
from log.spool import unread_bytes
from sentinel.explained import CannotStart
from sentinel.settings import Settings

_SHIPPING = "shipping"  # in a spool's folder: how far it went to Kafka


def check_spool(settings: Settings) -> None:
    """Raises CannotStart where a spool holds reports that went, or may have gone, elsewhere already."""
    spool, position = settings.data_dir / "spool", settings.data_dir / "processor" / "position.json"
    if settings.log is None:
        for folder in _folders(spool):
            if (folder / _SHIPPING).exists() and segments(folder) and not has_writer(folder):
                raise CannotStart(
                    f"{folder} holds reports on their way to Kafka: run `csp-sentinel ingest` with the SENTINEL_LOG of "
                    "before until they are there, or choose another --data-dir"
                )
            (folder / _SHIPPING).unlink(missing_ok=True)
    elif position.exists():
        if any(unread_bytes(spool, position)):
            raise CannotStart(
                f"{spool} holds reports of SENTINEL_LOG=spool: that are not stored yet: store them with "
                "`SENTINEL_LOG=spool: csp-sentinel process --drain`, or choose another --data-dir"
            )
        for folder in _folders(spool):
            if not (folder / _SHIPPING).exists():
                for path in segments(folder):
                    path.unlink()  # stored, every byte
        position.unlink()


def left_behind(settings: Settings) -> tuple[Path, ...]:
    """Spools that no worker of now writes: of a start with more of them, or of an import that was killed."""
    own = {str(index) for index in range(settings.workers)}
    return tuple(folder for folder in _folders(settings.data_dir / "spool") if folder.name not in own)


def _folders(spool: Path) -> list[Path]:
    return sorted(path for path in spool.glob("*") if path.is_dir())
