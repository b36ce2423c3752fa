"""A server that answers every contact update from a constant, so that it is never the bottleneck.

nginx when it is on PATH, else a small asyncio protocol: ``python -m tests.benchmarks.speed.server``
prints its port and serves until its standard input ends.
"""

# ruff: noqa: T201 (it prints its port)

import asyncio
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

ID = "cll6b3i8901a9jx0oyktl2m4u"
ANSWER = f'{{"success":true,"id":"{ID}"}}'
HEADERS = {"x-ratelimit-limit": "10000", "x-ratelimit-remaining": "9999"}
"""A limit that nobody here reaches: the pacer reads it, in a sample of the replies, and never holds
back.
"""

_NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi; default_type application/json;
    server {{
        listen 127.0.0.1:{port};
        {headers}
        location / {{ return 200 '{answer}'; }}
    }}
}}
"""


class Constant(asyncio.Protocol):
    """Answers each request that is complete, and looks at nothing but its length."""

    _LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
    _REPLY = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        + "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
        + f"Content-Length: {len(ANSWER)}\r\n\r\n{ANSWER}"
    ).encode()

    def __init__(self) -> None:
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            length = self._LENGTH.search(self._held, 0, end)
            end += 4 + (int(length[1]) if length else 0)
            if len(self._held) < end:
                return
            self.answer(self._held[:end])
            self._held = self._held[end:]

    def answer(self, request: bytes) -> None:
        del request
        self._transport.write(self._REPLY)


@contextlib.contextmanager
def serving(core: int | None, *, nginx: bool | None = None) -> Iterator[tuple[str, str]]:
    """The address of a running server, and what it is; pinned to ``core`` where there is one.

    Args:
        core: The number of a processor core, or None.
        nginx: Whether to use nginx; None uses it when it is there.
    """
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        if nginx if nginx is not None else program is not None:
            assert program is not None, "nginx is not installed"
            port, command = _free_port(), [program, "-p", folder, "-c", f"{folder}/nginx.conf"]
            headers = "".join(f"add_header {name} {value}; " for name, value in HEADERS.items())
            conf = _NGINX.format(folder=folder, port=port, headers=headers, answer=ANSWER)
            (Path(folder) / "nginx.conf").write_text(conf)
            process = stack.enter_context(subprocess.Popen(command))  # noqa: S603 - as found
            what = _version(program)
        else:
            command = [sys.executable, "-m", __name__]
            pipe = subprocess.PIPE
            process = stack.enter_context(
                subprocess.Popen(command, stdin=pipe, stdout=pipe)  # noqa: S603 - ourselves
            )
            assert process.stdout is not None
            port, what = int(process.stdout.readline()), "an asyncio protocol"
        try:
            if core is not None:
                os.sched_setaffinity(process.pid, {core})
            _wait_for(port)
            yield f"http://127.0.0.1:{port}", what
        finally:
            process.terminate()


def _version(program: str) -> str:
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=True)  # noqa: S603
    return said.stderr.partition(":")[2].strip()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the server did not come up")


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Constant, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()

    def watch() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=watch, daemon=True).start()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
