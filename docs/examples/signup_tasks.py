"""The queue between a service and Loops. Run it with ``taskiq worker signup_tasks:broker``."""

import asyncio
import logging
import os
from contextlib import AsyncExitStack
from typing import Any

from redis.asyncio import Redis
from taskiq import Context, TaskiqDepends, TaskiqEvents, TaskiqState
from taskiq.acks import AcknowledgeType
from taskiq_redis import RedisStreamBroker

from loops_async import ContactUpdate, LoopsClient, LoopsError
from loops_async.contrib.redis import RedisPacer

log = logging.getLogger("signups")
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
QUEUE = "loops-signups"
TASK_TIMEOUT = 30.0
TAKE_OVER_AFTER = float(os.environ.get("TAKE_OVER_AFTER", "120"))
"""Seconds after which another worker takes over a message that was not acknowledged."""

broker = RedisStreamBroker(
    REDIS_URL,
    queue_name=QUEUE,
    consumer_id="0",  # start a new group with the waiting messages; the default skips them
    idle_timeout=int(TAKE_OVER_AFTER * 1000),
    # Fetched messages wait here unacknowledged, so fetch only a few at a time.
    xread_count=10,
    unacknowledged_batch_size=10,
    unacknowledged_lock_timeout=10.0,
)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def open_client(state: TaskiqState) -> None:
    stack = state.stack = AsyncExitStack()
    pacer = await stack.enter_async_context(RedisPacer(REDIS_URL))
    state.loops = await stack.enter_async_context(LoopsClient(pacer=pacer))
    ticking = asyncio.create_task(tick())
    stack.callback(ticking.cancel)


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def close_client(state: TaskiqState) -> None:
    await state.stack.aclose()


@broker.task(ack_type=AcknowledgeType.MANUAL.value)
async def upsert(
    fields: dict[str, Any],
    context: Context = TaskiqDepends(),  # noqa: B008 - taskiq's way
) -> None:
    """Send one contact. Safe to run twice: the same update gives the same contact."""
    loops: LoopsClient = context.state.loops
    try:
        await loops.contacts.update(ContactUpdate(**fields), timeout=TASK_TIMEOUT)
    except LoopsError as error:
        if not error.concerns_input:
            log.warning("task %s is left for another try: %s", context.message.task_id, error)
            return
        log.warning("task %s is dropped: %s", context.message.task_id, error)
    await context.ack()


@broker.task
async def tidy() -> None:
    """Trim finished messages from the stream: everything before the oldest unfinished one.

    This task is a message itself, so it wakes a worker, and taskiq-redis then looks for messages of
    dead workers. Without it, the last messages of the evening would wait until the morning.
    """
    async with Redis(connection_pool=broker.connection_pool) as redis:
        unfinished = await redis.xpending(QUEUE, broker.consumer_group_name)
        if unfinished["min"]:
            await redis.xtrim(QUEUE, minid=unfinished["min"], approximate=False)


async def tick() -> None:
    while True:
        await asyncio.sleep(TAKE_OVER_AFTER / 2)
        await tidy.kiq()
