"""A small disk of its own for one command, which alone sees it."""

import shutil
import subprocess

import pytest

# Then: its size (as "1m"), the folder it lies over, and the command.
SMALL_DISK = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o "size=$1" none "$2" && shift 2 && exec "$@"', "sh"]


def _can_mount() -> bool:
    unshare = shutil.which("unshare")
    return unshare is not None and not subprocess.run([unshare, "-rm", "true"], check=False).returncode


needs_a_small_disk = pytest.mark.skipif(
    not _can_mount(), reason="needs unshare(1), and a kernel that lets us mount a small disk"
)
