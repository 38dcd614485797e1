"""Asking a Kafka about topics and groups, outside the way of the reports."""

import contextlib
from collections.abc import AsyncIterator

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from log.kafka import CannotReach, connection, why
from log.places import KafkaPlace


@contextlib.asynccontextmanager
async def admin(place: KafkaPlace) -> AsyncIterator[AIOKafkaAdminClient]:
    """A client to ask. What Kafka has against it, also inside the block, is raised as CannotReach."""
    client = AIOKafkaAdminClient(**connection(place))
    try:
        await client.start()
        yield client
    except (KafkaError, OSError, TimeoutError) as error:
        raise CannotReach(await why(place, error)) from error
    finally:
        await client.close()
