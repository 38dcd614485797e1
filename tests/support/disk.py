"""A small disk of its own for one command, which alone sees it."""

import functools
import shutil
import subprocess

# Then: its size (as "1m"), the folder it lies over, and the command.
SMALL_DISK = ["unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o "size=$1" none "$2" && shift 2 && exec "$@"', "sh"]


@functools.cache
def can_mount() -> bool:
    return (
        shutil.which("unshare") is not None and not subprocess.run(["unshare", "-rm", "true"], check=False).returncode
    )
