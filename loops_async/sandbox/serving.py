"""The socket and the web server of a sandbox, while they run."""

import socket
from types import MappingProxyType
from typing import Self

from aiohttp import web

from loops_async.sandbox.app import build_app
from loops_async.sandbox.middleware import BASE_PATH
from loops_async.sandbox.team import Team

_BACKLOG = 1024
# How long `stop` waits for answers under way. They take milliseconds; a request whose body never
# ends would be waited for in vain.
_GRACE_SECONDS = 0.1
# A socket that listens everywhere is reached at the loopback address.
_REACHED_AT = MappingProxyType({"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"})  # noqa: S104


class Serving:
    """A team being served."""

    def __init__(self, runner: web.AppRunner, host: str) -> None:
        self._runner = runner
        self._host = host

    @classmethod
    async def begin(cls, team: Team, host: str, port: int) -> Self:
        """Listen and serve.

        Raises:
            OSError: The port is taken, or the host is not this machine's.
        """
        # One socket, made here: asyncio would make several for a name such as "localhost", each
        # with another port when the port is 0.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
        runner = web.AppRunner(
            build_app(team),
            access_log=None,
            shutdown_timeout=_GRACE_SECONDS,
            # A client that leaves ends what is done for it, a fault that takes its time too.
            handler_cancellation=True,
        )
        try:
            await runner.setup()
            await web.SockSite(runner, listener, backlog=_BACKLOG).start()
        except BaseException:
            await runner.cleanup()
            listener.close()
            raise
        return cls(runner, host)

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._runner.addresses[0][1]
        return port

    @property
    def url(self) -> str:
        """The base URL for a client."""
        host = _REACHED_AT.get(self._host, self._host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}{BASE_PATH}"

    async def end(self) -> None:
        """Stop listening and drop every connection, idle or not."""
        await self._runner.cleanup()
