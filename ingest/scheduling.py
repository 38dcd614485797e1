"""Small reports are asked for before granian makes a task of a request.

That is a coroutine, a task and two wake-ups of the event loop: a fifth of a report's CPU time. Granian has no interface
for another way, so a function of its own is replaced, for the whole process. A granian that lacks it sends all its
own way.
"""

import importlib
import logging
from collections.abc import Callable
from typing import Any

from ingest.rsgi import RsgiCollector

logger = logging.getLogger("sentinel.ingest")
_NAME = "_cbsched_aioschedule"


def _home() -> Any:
    try:
        return importlib.import_module("granian._futures")
    except ImportError:
        return None


_futures = _home()
_ordinary_scheduler: Any = getattr(_futures, _NAME, None)


def schedule_with(collector: RsgiCollector) -> None:
    """From now on granian asks `collector` first, and what that doesn't take goes granian's own way."""
    if _ordinary_scheduler is None:
        return

    def scheduler(*arguments: Any) -> Callable[[Any], None]:
        ordinary: Callable[[Any], None] = _ordinary_scheduler(*arguments)

        def schedule(request: Any) -> None:
            # Granian looks at no error of this, and whatever came next in its thread would meet it.
            try:
                taken = collector.take(request.scope, request.proto)
            except Exception:
                logger.exception("a report goes granian's own way")
                taken = False
            if not taken:
                ordinary(request)

        return schedule

    setattr(_futures, _NAME, scheduler)
