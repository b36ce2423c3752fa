"""The command line among proxies, closed streams, prompts and other imports."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from loops_async import LoopsClient
from loops_async.cli.command_client import environment_proxy
from loops_async.errors import ConfigurationError
from loops_async.importer.reading import open_input
from loops_async.importer.rejects import RejectsFile
from loops_async.sandbox import Sandbox
from tests.server.terminal import environment, loops_async
from tests.server.test_cli_terminal import on_a_terminal

LOOPS = "https://app.loops.so/api"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("email\n" + "".join(f"c{n}@example.com\n" for n in range(5)))
    return path


# Proxies.


@pytest.mark.parametrize(
    ("env", "base_url", "proxy"),
    [
        ({"HTTPS_PROXY": "http://p:3128"}, LOOPS, "http://p:3128"),
        ({"https_proxy": "http://u:s@p:3128"}, LOOPS, "http://u:s@p:3128"),
        ({"ALL_PROXY": "http://p:1"}, LOOPS, "http://p:1"),
        ({"HTTPS_PROXY": "p:3128"}, LOOPS, "http://p:3128"),
        ({"HTTP_PROXY": "http://p:3128"}, LOOPS, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "app.loops.so"}, LOOPS, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".loops.so"}, LOOPS, None),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "*"}, LOOPS, None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "loops.example"}, LOOPS, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "HTTP_PROXY": "http://p:1"}, "http://127.0.0.1:1/api", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://localhost:8026/api", None),
        ({"HTTPS_PROXY": ""}, LOOPS, None),
    ],
)
def test_the_environment_names_the_proxy(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], base_url: str, proxy: str | None
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert environment_proxy(base_url) == proxy


@pytest.mark.parametrize(
    "proxy", ["socks5://u:s3cret@p:1080", "socks5h://s3cret:1", "ftp://s3cret"]
)
def test_another_kind_of_proxy_is_refused_without_its_password(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ConfigurationError, match=r"HTTPS_PROXY .*http://") as caught:
        environment_proxy(LOOPS)
    assert "s3cret" not in str(caught.value)


def through_proxy(sandbox: Sandbox) -> dict[str, str]:
    """An environment in which the sandbox is another machine, and its own proxy."""
    return {
        "LOOPS_BASE_URL": "http://sandbox/api",
        "LOOPS_ALLOW_HTTP": "1",
        "HTTP_PROXY": sandbox.url.removesuffix("/api"),
    }


async def test_an_import_goes_through_the_proxy(path: Path) -> None:
    async with Sandbox(rate=1000) as sandbox:
        env = through_proxy(sandbox)
        done = await loops_async("import", str(path), sandbox=sandbox, env=env)
        assert done.status == 0, done.err
        assert 'into the team "Sandbox" at http://sandbox/api' in done.err
        assert len(sandbox.contacts) == 5


# Prompts.


def typing(text: bytes) -> Callable[[object, int], object]:
    return lambda _, terminal: os.write(terminal, text)


async def test_many_rows_for_another_machine_are_asked_for_on_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("email\n" + "".join(f"c{n}@example.com\n" for n in range(1001)))
    async with Sandbox(rate=None) as sandbox:
        env = {"TERM": "xterm"} | through_proxy(sandbox)
        arguments = ("import", str(path), "--rate=5000")
        seen = await on_a_terminal(
            *arguments, env=env, sandbox=sandbox, asked=b"[y/N]", answer=typing(b"n\n")
        )
        assert b"Continue? [y/N]" in seen
        assert b"not confirmed. Nothing was sent" in seen
        assert len(sandbox.contacts) == 0
        seen = await on_a_terminal(
            *arguments, env=env, sandbox=sandbox, asked=b"[y/N]", answer=typing(b"y\n")
        )
        assert b"1001 imported" in seen
        seen = await on_a_terminal(*arguments, "--restart", "--yes", env=env, sandbox=sandbox)
        assert b"Continue?" not in seen


async def test_ctrl_c_at_the_question_stops(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("email\n" + "".join(f"c{n}@example.com\n" for n in range(1001)))
    async with Sandbox(rate=None) as sandbox:
        env = {"TERM": "xterm"} | through_proxy(sandbox)
        seen = await on_a_terminal(
            *("import", str(path)),
            env=env,
            sandbox=sandbox,
            asked=b"[y/N]",
            answer=lambda process, _: process.send_signal(signal.SIGINT),
        )
        assert b"Stopped." in seen
        assert len(sandbox.contacts) == 0


# Streams.


@pytest.mark.parametrize(
    "closed",
    [
        "2>&- >&-",
        ">/dev/full",
        *(
            pytest.param(closed, marks=pytest.mark.long)
            for closed in ("2>&-", ">&-", "2>/dev/full")
        ),
    ],
)
async def test_a_closed_stream_loses_no_row(path: Path, closed: str) -> None:
    async with Sandbox(rate=1000) as sandbox:
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "loops_async"),
            *("import", str(path)),
            env=environment(sandbox),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        await process.communicate()
        assert len(sandbox.contacts) == 5
        # What could not be written is an incomplete result; what nobody wanted is not.
        assert process.returncode == (1 if "full" in closed else 0)


async def test_progress_as_json_is_one_object_a_line(path: Path) -> None:
    with path.open("a") as file:
        file.write("nobody\n")
    async with Sandbox(rate=1000) as sandbox:
        arguments = ("import", str(path), "--progress", "json", "--json")
        done = await loops_async(*arguments, sandbox=sandbox)
    lines = [json.loads(line) for line in done.err.splitlines()]
    assert {line["event"] for line in lines} == {"progress", "message"}
    assert {"rows": 6, "done": 6, "applied": 5, "rejected": 1}.items() <= [
        line for line in lines if line["event"] == "progress"
    ][-1].items()
    assert json.loads(done.out)["applied"] == 5


# Two imports with one file of rejected rows.


def test_two_imports_never_write_one_file_of_rejected_rows(tmp_path: Path) -> None:
    source_path = tmp_path / "rows.csv"
    source_path.write_text("email\nnobody\nno-one\n")
    rejected = str(tmp_path / "rejected.csv")
    with open_input(str(source_path)) as source:
        rows = list(source.rows())
        one, other, third = (RejectsFile(rejected, source) for _ in range(3))
        one.begin(None)
        other.begin(None)
        one.add(rows[0], "first")
        other.add(rows[1], "second")  # created since it began
        third.begin(None)  # in use when it begins
        third.add(rows[1], "third")
        for file in (one, other, third):
            file.close()
    assert [file.path for file in (one, other, third)] == [
        rejected, f"{rejected}.2", f"{rejected}.3"
    ]  # fmt: skip
    for file, reason in ((one, "first"), (other, "second"), (third, "third")):
        text = Path(file.path).read_text()
        assert text.count("\n") == 2
        assert reason in text
    assert {path.name for path in tmp_path.iterdir()} == {
        "rows.csv", "rejected.csv", "rejected.csv.2", "rejected.csv.3"
    }  # fmt: skip


def test_the_key_of_a_file_is_named_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, reason in ((f'"{os.sep}k"', "quotation marks"), ("k\n", "line break")):
        monkeypatch.setenv("LOOPS_API_KEY", key)
        with pytest.raises(ConfigurationError, match=reason):
            LoopsClient()
