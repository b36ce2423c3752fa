"""The same update through more and more of the client's layers, to see what each one costs."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import aiohttp
import attrs
import orjson
from multidict import CIMultiDict, istr
from yarl import URL

from loops_async import ContactUpdate, Pacer, RetryPolicy, Timeouts
from loops_async.api.contacts import UPDATE
from loops_async.codec import encode
from loops_async.pipeline.messages import Lane, Reply, Request
from loops_async.pipeline.retrying import Retrying
from loops_async.transport import AiohttpTransport, open_http

Call: TypeAlias = Callable[[int], Any]

KEY = "test-key"
RATE = 10_000.0

PATIENT = Timeouts(connect=600, read=600, total=3600)
"""Under callgrind everything takes fifty times as long; no call may time out because of that."""

_HEADERS = CIMultiDict(
    {
        istr("Content-Type"): "application/json",
        istr("Accept"): "application/json",
        istr("User-Agent"): "loops_async",
    }
)


class _Unpaced:
    """A turn at once."""

    async def acquire(self, lane: Lane = Lane.INTERACTIVE) -> "_Unpaced":
        del lane
        return self

    def acquire_nowait(self, lane: Lane = Lane.INTERACTIVE) -> "_Unpaced":
        del lane
        return self

    def release(self, reply: Reply | None) -> None:
        del reply


def flat(index: int) -> dict[str, Any]:
    """A contact as Loops' documentation writes it."""
    return {"email": f"ada.{index}@example.com", "plan": "pro", "seats": 3}


def contact(index: int) -> ContactUpdate:
    """The same as a record."""
    return ContactUpdate(email=f"ada.{index}@example.com", properties={"plan": "pro", "seats": 3})


@attrs.frozen
class _Stack:
    """The layers below ``update``, in one event loop."""

    http: aiohttp.ClientSession
    url: str

    def transport(self) -> AiohttpTransport:
        now = asyncio.get_running_loop().time
        return AiohttpTransport(lambda: self.http, URL(self.url), KEY, PATIENT, now)

    def call(self) -> Call:
        """aiohttp with as few options as possible, and the reply read at once."""
        url = URL(f"{self.url}/v1/contacts/update")
        timeout = aiohttp.ClientTimeout(connect=600, ceil_threshold=math.inf)
        key = {"Authorization": f"Bearer {KEY}"}

        async def call(index: int) -> str:
            reply = await self.http.request(
                "PUT", url, data=orjson.dumps(flat(index)), headers=key, timeout=timeout,
                allow_redirects=False,
            )  # fmt: skip
            content = reply.content
            whole = content.read_nowait() if content.is_eof() else await reply.read()
            answer: str = orjson.loads(whole)["id"]
            return answer

        return call

    def sent(self) -> Call:
        """The transport, without anything above it."""
        transport = self.transport()

        async def call(index: int) -> str:
            reply = await transport.send(Request(UPDATE, body=orjson.dumps(flat(index))))
            answer: str = orjson.loads(reply.body)["id"]
            return answer

        return call

    def retried(self, pacer: Any, body: Callable[[int], bytes]) -> Call:
        """The retry layer on top, with or without a pacer and records."""
        layer = Retrying(self.transport(), pacer, RetryPolicy())
        now = asyncio.get_running_loop().time

        async def call(index: int) -> str:
            request = Request(UPDATE, body=body(index), deadline=now() + 3600)
            return (await layer.send(request)).value

        return call


def _plain(index: int) -> bytes:
    return orjson.dumps(flat(index))


def _recorded(index: int) -> bytes:
    return encode(contact(index))


_STEPS: dict[str, Callable[[_Stack], Call]] = {
    "aiohttp": lambda stack: stack.call(),
    "transport": lambda stack: stack.sent(),
    "retry": lambda stack: stack.retried(_Unpaced(), _plain),
    "pacer": lambda stack: stack.retried(Pacer(RATE), _plain),
    "record": lambda stack: stack.retried(Pacer(RATE), _recorded),
}

LAYERS = {
    "layer-aiohttp": "aiohttp alone, with as few options as possible",
    "layer-transport": "the transport: time limits, errors, the size of the reply, the connection",
    "layer-retry": "the retry layer: deadlines, and the meaning of the reply",
    "layer-pacer": "the pacer",
    "layer-record": "the record: its checks, and its JSON instead of that of a dict",
    "ours": "the client and its resources",
}
"""The steps in their order, each with what comes on top."""


def _opener(step: str) -> Callable[[str], AbstractAsyncContextManager[Call]]:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Call]:
        http = (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), headers=_HEADERS)
            if step == "aiohttp"
            else open_http(
                limit=100, limit_per_host=0, keepalive=15.0, trust_env=False, trace_configs=()
            )
        )
        async with http:
            yield _STEPS[step](_Stack(http, url))

    return opened


CALLS = {f"layer-{step}": _opener(step) for step in _STEPS}
