"""A server with a constant reply for each path, so that it is never the bottleneck.

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
OTHERS = {
    "/v1/api-key": '{"success":true,"teamName":"Sandbox"}',
    "/v1/contacts/find": f'[{{"id":"{ID}","email":"ada@example.com","firstName":"Ada",'
    '"lastName":null,"source":"API","subscribed":true,"userGroup":"","userId":null,'
    '"mailingLists":{"list_123":true},"optInStatus":null,"plan":"pro","seats":3}]',
    "/v1/lists": '[{"id":"list_123","name":"News","description":null,"isPublic":true},'
    '{"id":"list_456","name":"Offers","description":"Now and then","isPublic":false}]',
}
"""The replies of other paths than a contact's update."""

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
        {others}
    }}
}}
"""


def _reply(body: str) -> bytes:
    head = ["HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    head += [f"{name}: {value}" for name, value in HEADERS.items()]
    return ("\r\n".join(head) + f"\r\n\r\n{body}").encode()


_REPLY = _reply(ANSWER)
_REPLIES = {path.encode(): _reply(body) for path, body in OTHERS.items()}


class Constant(asyncio.Protocol):
    """Answers each complete request, looking at its path and its length only."""

    _LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)

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
        path = request.split(b" ", 2)[1].partition(b"?")[0]
        self._transport.write(_REPLIES.get(path, _REPLY))


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
            others = "\n".join(
                f"location {path} {{ return 200 '{body}'; }}" for path, body in OTHERS.items()
            )
            conf = _NGINX.format(
                folder=folder, port=port, headers=headers, answer=ANSWER, others=others
            )
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
