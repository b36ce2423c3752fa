"""Doubles for the neighbours of the retry layer: a transport that plays a script, a strict pacer.

Their waits are the event loop's timers: use them on the loop of ``tests.virtual_time``.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import attrs

from loops_async import errors
from loops_async.pipeline.messages import Lane, Reply, Request


@attrs.frozen
class After:
    """A step that takes ``seconds``."""

    seconds: float
    what: Reply | BaseException


Step: TypeAlias = Reply | BaseException | After
Respond: TypeAlias = Callable[[Request[Any]], Step]


def reply(status: int = 200, body: object = b"", **headers: str) -> Reply:
    """A reply; a body that is not bytes is sent as JSON, ``retry_after="1"`` as Retry-After."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {k.replace("_", "-"): v for k, v in headers.items()}, content)


def done(contact_id: str = "c1") -> Reply:
    """What Loops answers to a create, an update, a delete."""
    return reply(200, {"success": True, "id": contact_id})


def lost() -> errors.ConnectionLost:
    return errors.ConnectionLost("the connection broke")


def late() -> errors.ReplyTimeout:
    return errors.ReplyTimeout("no whole reply in time")


def never_left() -> errors.ConnectFailed:
    return errors.ConnectFailed("no connection")


class Cancels:
    """Cancels the current task at one of its waits, counted from 1 over all who share this."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.waits = 0

    async def wait(self, seconds: float) -> None:
        self.waits += 1
        if self.waits == self.at:
            task = asyncio.current_task()
            assert task is not None
            asyncio.get_running_loop().call_later(seconds / 2, task.cancel)
        await asyncio.sleep(seconds)


class ScriptedTransport:
    """Answers request after request with the steps of a script, and holds what it was asked.

    One request more than the script has steps is an ``AssertionError``, which nothing may retry.
    """

    def __init__(
        self, *steps: Step, respond: Respond | None = None, cancels: Cancels | None = None
    ) -> None:
        self._steps = list(steps)
        self._respond = respond
        self._cancels = cancels if cancels is not None else Cancels()
        self.sent: list[Request[Any]] = []
        self.times: list[float] = []

    @property
    def paths(self) -> list[str]:
        return [request.endpoint.path for request in self.sent]

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.body) if request.body else None for request in self.sent]

    async def send(self, request: Request[Any], /) -> Reply:
        self.sent.append(request)
        self.times.append(asyncio.get_running_loop().time())
        step = self._respond(request) if self._respond else self._next()
        seconds, what = (step.seconds, step.what) if isinstance(step, After) else (0.0, step)
        await self._cancels.wait(seconds)
        if isinstance(what, BaseException):
            raise what
        return what

    def _next(self) -> Step:
        assert self._steps, "more requests than the script has steps"
        return self._steps.pop(0)


class ScriptedPacer:
    """Grants each turn after the next of ``waits``; without suspending where that is none.

    Attributes:
        out: Permits that were granted and not released.
        released: What each permit was released with.
        lanes: The lane of each turn asked for.
    """

    def __init__(self, waits: Iterable[float] = (), cancels: Cancels | None = None) -> None:
        self._waits = list(waits)
        self._cancels = cancels if cancels is not None else Cancels()
        self.out = 0
        self.released: list[Reply | None] = []
        self.lanes: list[Lane] = []

    async def acquire(self, lane: Lane = Lane.INTERACTIVE) -> "ScriptedPermit":
        self.lanes.append(lane)
        seconds = self._waits.pop(0) if self._waits else 0.0
        if seconds > 0:
            await self._cancels.wait(seconds)
        self.out += 1
        return ScriptedPermit(self)


class ScriptedPermit:
    """A permit that may be released once."""

    def __init__(self, pacer: ScriptedPacer) -> None:
        self._pacer = pacer
        self._held = True

    def release(self, reply: Reply | None) -> None:
        assert self._held, "a permit was released twice"
        self._held = False
        self._pacer.out -= 1
        self._pacer.released.append(reply)
