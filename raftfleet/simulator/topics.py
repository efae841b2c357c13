"""The inner topics of a broker, which it creates on its way up or dies for want of."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from .caller import GrpcError
from .deadline import DeadlineError, within
from .errors import StartError
from .store import INNER_TOPICS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from .node import Node
    from .values import Json

__all__ = ["MQTT", "create_topics", "until_done"]

TOPIC_DEADLINE = 5
LATE_TOPIC = "Timeout waiting for topic '{}' to be created after 5 seconds"
SLOW_TOPICS = 2 / 7
"""How many of the inner topics take longer to create."""


MQTT = "MqttService"


async def create_topics(node: Node, topics: Sequence[str]) -> None:
    """Create the inner topics this broker does not know of; they need a place to lie.

    A topic counts as created when it was pushed here: a broker that has loaded its copy just before
    another created a topic, and registered just after, waits in vain.
    """
    random = node.random("topics")
    if "engine" not in node.settings.tree["roles"] or not node.settings.engine_paths:
        raise _no_topics(LATE_TOPIC.format(INNER_TOPICS[0]))
    for topic in topics:
        if topic in node.cache.topics:
            continue
        if random.random() < SLOW_TOPICS:
            await asyncio.sleep(node.preset.topic)
        await _create_topic(node, topic)
        node.book.info("storage_adapter::topic", f"Inner topic '{topic}' created successfully")


async def _create_topic(node: Node, topic: str) -> None:
    body = {"topic": topic}
    try:
        await node.caller.call("CreateTopic", body, service=MQTT)
        await within(TOPIC_DEADLINE, node.cache.learn(topic))
    except GrpcError as error:
        raise _no_topics(str(error)) from error
    except DeadlineError as error:
        raise _no_topics(LATE_TOPIC.format(topic)) from error
    shard = partial(node.caller.call, "CreateShard", body, service="EngineService")
    await until_done(shard, node.preset.retry_pause)


def _no_topics(reason: str) -> StartError:
    return StartError("broker_server", f"Failed to initialize inner topics: {reason}")


async def until_done(step: Callable[[], Awaitable[Json]], pause: float) -> Json:
    """Repeat a step until the cluster lets it succeed."""
    while True:
        try:
            return await step()
        except GrpcError:
            await asyncio.sleep(pause)
