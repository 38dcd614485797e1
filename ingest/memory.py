"""What a turn of the event loop frees is kept for the next one."""

_BYTES = 4 * 1024 * 1024  # a turn holds 1 MiB of bodies, as they came, cut out and encoded


def keep_freed_memory() -> None:
    """Of this process, up to twice so much.

    glibc gives the end of its heap back once 128 KiB of it are free, and fetched it anew in each turn of arrays: a
    tenth of their CPU time. It stops that below twice the size of a block that was mapped alone and freed (mallopt(3),
    M_MMAP_THRESHOLD). Elsewhere this does nothing.
    """
    block = bytes(_BYTES)
    del block
