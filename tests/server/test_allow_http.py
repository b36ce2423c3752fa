"""A sandbox in another container: plain http to a neighbour, and what is said about it."""

import signal
import socket

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from loops_async import LoopsClient
from loops_async.sandbox import Sandbox
from tests.server.terminal import loops_async, start

WARNING = "are sent unencrypted to sandbox:"


class Compose(AbstractResolver):
    """The name service of a compose file, which knows one service."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        assert host == "sandbox"
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        pass


async def test_a_client_uses_the_sandbox_of_another_container(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LOOPS_BASE_URL", f"http://sandbox:{sandbox.port}/api")
    monkeypatch.setenv("LOOPS_ALLOW_HTTP", "1")
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Compose())) as http,
        LoopsClient(sandbox.api_key, session=http) as loops,
    ):
        await loops.contacts.update(email="ada@example.com")
    assert list(sandbox.contacts) == ["ada@example.com"]
    assert [WARNING in text for text in caplog.messages] == [True]
    assert "ada" not in caplog.text
    assert sandbox.api_key not in caplog.text


@pytest.mark.parametrize(("host", "said"), [
    ("0.0.0.0", "0.0.0.0:{port}, which is every address of this machine: anyone"),  # noqa: S104
    ("127.0.0.1", None),
    pytest.param("localhost", None, marks=pytest.mark.long),
])  # fmt: skip
async def test_a_sandbox_for_others_says_what_it_listens_on(host: str, said: str | None) -> None:
    process = await start("sandbox", "--port", "0", "--host", host)
    assert process.stderr is not None
    first = (await process.stderr.readline()).decode()
    port = first.split("/api")[0].rpartition(":")[2]
    if said is not None:
        second = (await process.stderr.readline()).decode()
        assert second.startswith(f"Warning: it listens on {said.format(port=port)}")
        assert f"http://NAME:{port}/api" in second
        assert "LOOPS_ALLOW_HTTP=1" in second
    process.send_signal(signal.SIGINT)
    assert await process.stderr.read() == b"Stopped.\n"
    assert await process.wait() == 130


@pytest.mark.parametrize("allowed", [True, False])
async def test_the_command_line_says_it_too(sandbox: Sandbox, *, allowed: bool) -> None:
    variables = {"LOOPS_API_KEY": "test-key"} | ({"LOOPS_ALLOW_HTTP": "1"} if allowed else {})
    # A host that no name service knows.
    done = await loops_async("check", "--base-url", "http://nowhere_else:1/api", env=variables)
    if allowed:
        assert done.err.startswith("Warning: base_url: the API key, addresses and all other data")
        assert done.err.count("Warning") == 1
    else:
        assert "set LOOPS_ALLOW_HTTP=1" in done.err
        assert done.status == 2
