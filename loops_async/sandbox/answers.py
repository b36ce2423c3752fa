"""The answers in JSON, good and bad."""

from collections.abc import Mapping
from types import MappingProxyType

from aiohttp import web

from loops_async.sandbox.payload import render

_NOTHING_MORE: Mapping[str, object] = MappingProxyType({})


def answer(value: object, *, status: int = 200) -> web.Response:
    """Return the answer that holds a value."""
    return web.Response(
        status=status, body=render(value), content_type="application/json", charset="utf-8"
    )


def refuse(status: int, message: str, fields: Mapping[str, object] = _NOTHING_MORE) -> web.Response:
    """Return the answer that says no: https://loops.so/docs/api-reference/intro."""
    return answer({"success": False, "message": message, **fields}, status=status)
