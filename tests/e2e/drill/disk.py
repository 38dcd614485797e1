"""A small disk of its own for one collector, which outlives the collector's processes and can be filled."""

import os
import shutil
import subprocess
from pathlib import Path

SIZE_MB = 80  # the collector wants 64 MB free when it starts
_KEEPER = 'mount -t tmpfs -o "size=$2m" none "$1" && echo mounted && exec sleep infinity'


def reason_missing() -> str | None:
    """Why there can be no such disk here, or None."""
    for tool in ("unshare", "nsenter", "setpriv"):
        if shutil.which(tool) is None:
            return f"{tool} (util-linux), which the drill's small disk needs, is not here"
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        return "the kernel does not let us mount a small disk (unshare -rm)"
    return None


class SmallDisk:
    """A tmpfs over `folder` that only those see who are started with `inside`; others reach it under `seen`."""

    def __init__(self, folder: Path, size_mb: int = SIZE_MB) -> None:
        folder.mkdir(parents=True)
        self._keeper = subprocess.Popen(
            ["unshare", "-rm", "sh", "-c", _KEEPER, "sh", folder, str(size_mb)], stdout=subprocess.PIPE
        )
        assert self._keeper.stdout is not None
        assert self._keeper.stdout.readline() == b"mounted\n"
        self.seen = Path(f"/proc/{self._keeper.pid}/root{folder.resolve()}")
        self._filler = self.seen / "filler"

    @property
    def inside(self) -> list[str]:
        """Words to put before a command."""
        return ["nsenter", "--target", str(self._keeper.pid), "--user", "--mount", "--preserve-credentials"]

    def free_bytes(self) -> int:
        room = os.statvfs(self.seen)
        return room.f_bavail * room.f_frsize

    def fill_but(self, left: int) -> None:
        """Leaves this many bytes; may be called again while it is full."""
        with self._filler.open("ab", buffering=0) as file:
            file.write(bytes(max(0, self.free_bytes() - left)))

    def make_room(self) -> None:
        self._filler.unlink(missing_ok=True)

    def close(self) -> None:
        self._keeper.kill()
        self._keeper.wait()
        assert self._keeper.stdout is not None
        self._keeper.stdout.close()
