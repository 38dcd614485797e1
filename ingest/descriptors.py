"""The system's limit of open files, which connections are too."""

import logging
import resource

logger = logging.getLogger("sentinel.ingest")


_OTHERS = 100  # that a worker has open beside connections, with some to spare
_LEAST = 40


def allow_connections(wanted: int) -> int:
    """How many there may be: fewer than `wanted` where the system allows no more.

    The usual soft limit of 1024 files would end connections long before the cap answers them.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHERS
    most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if most > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    allowed = max(most - _OTHERS, (most - _LEAST) // 2, 1)
    if allowed < wanted:
        logger.warning("the system allows fewer connections than max_connections", extra={"allowed": allowed})
    return min(wanted, allowed)
