"""What a stage needs of other machines, looked at again and again while it runs: said in its health, and in its log."""

import asyncio
import functools
import logging
import random
from collections.abc import Awaitable, Callable

from log.kafka import CannotReach, look_for_topic
from log.places import KafkaPlace
from schema.health import Health

logger = logging.getLogger("sentinel.run")
_EVERY_SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 15.0


async def watch(name: str, ask: Callable[[], Awaitable[str]], health: Health) -> None:
    """Until cancelled. `ask` gives a sentence for what is wrong, or ""; `name` is that of the trouble in `health`."""
    pause = _FIRST_PAUSE
    while True:
        trouble = await ask()
        tell(name, trouble, health)
        await rest(pause if trouble else _EVERY_SECONDS)
        pause = longer(pause) if trouble else _FIRST_PAUSE


def tell(name: str, trouble: str, health: Health) -> None:
    """Not what the stage has found out and told already, while it worked."""
    if not trouble:
        health.right(name)
        return
    what = trouble.partition(": ")[0]
    told = any(line.startswith(f"{what} since ") for line in health.problems())
    if not told and health.wrong(name, trouble):
        logger.error("%s", trouble)


async def rest(seconds: float) -> None:
    """With jitter, so that many processors don't come back as one."""
    await asyncio.sleep(seconds * random.uniform(0.5, 1))  # noqa: S311  (no secret)


def longer(pause: float) -> float:
    return min(pause * 2, _LONGEST_PAUSE)


async def watch_log(place: KafkaPlace, health: Health) -> None:
    """Not at once: at the start, who works with it finds out by themselves."""
    await asyncio.sleep(_EVERY_SECONDS)
    await watch("kafka", functools.partial(trouble_with_log, place), health)


async def trouble_with_log(place: KafkaPlace) -> str:
    """The processor's own connections say nothing while they find no broker, and none is asked where none is needed."""
    try:
        await look_for_topic(place)
    except CannotReach as error:
        return str(error)
    return ""
