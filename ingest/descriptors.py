"""The system's limit of open files, which connections are too."""

import logging
import resource

logger = logging.getLogger("sentinel.ingest")


def allow_connections(wanted: int) -> None:
    """The usual soft limit of 1024 files would end connections long before the cap answers them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + 100
    most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if most > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    if most < needed:
        logger.warning("the system allows fewer connections than max_connections", extra={"allowed": most - 100})
