"""The other commands, as real processes."""

import asyncio
import re
import signal
import sys

import aiohttp
import pytest

from tests.server.terminal import environment, loops_async, refused


async def test_the_demo_imports_the_sample_and_reads_it_back() -> None:
    done = await loops_async("demo")
    assert done.status == 0, done.err
    assert "300 rows: 298 imported (293 created, 5 updated), 2 rejected" in done.out
    assert "line 81:" in done.out
    assert "line 130: Loops said:" in done.out
    assert re.search(r"[\d.]+ s, \d+ requests, [\d.]+ per second, \d+ rate-limited", done.out)
    assert "(The sandbox takes 300 requests per second; Loops takes 10.)\n" in done.out
    assert "Read 293 contacts back with find: they are as in the file." in done.out
    # Piped, progress is plain lines without a terminal's control codes.
    assert "300 of 300 rows" in done.err
    assert "\x1b" not in done.err + done.out


@pytest.mark.long
async def test_the_demo_fails_when_what_loops_holds_is_not_what_the_file_said() -> None:
    code = (
        "import sys\n"
        "from loops_async.sandbox.api.contacts import ContactStore\n"
        "found = ContactStore.update\n"
        "def forgetful(self, body):\n"
        "    body.pop('firstName', None)\n"
        "    return found(self, body)\n"
        "ContactStore.update = forgetful\n"
        "sys.argv = ['loops-async', 'demo']\n"
        "from loops_async.__main__ import main\n"
        "main()\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await process.communicate()
    assert process.returncode == 1
    assert "differs in firstName" in out.decode()


async def test_the_sandbox_serves_any_client_until_it_is_interrupted() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "loops_async",
        "sandbox",
        "--port",
        "0",
        "--rate",
        "3",
        env=environment(),
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    said = (await process.stderr.readline()).decode()
    url = re.search(r"http://\S+", said)
    assert url is not None
    headers = {"Authorization": "Bearer test-key"}
    async with aiohttp.ClientSession(headers=headers) as http:
        answers = [
            (await http.get(f"{url[0]}/v1/contacts/find?email=a%40example.com")).status
            for _ in range(8)
        ]
    process.send_signal(signal.SIGINT)
    rest = (await process.stderr.read()).decode()
    assert await process.wait() == 130
    assert answers[:3] == [200, 200, 200]
    assert 429 in answers
    assert "Traceback" not in rest


@pytest.mark.parametrize(
    ("spec", "meant"), [("script=reset_aftr,ok", "reset_after"), ("rate=0.3,kinds=5x", "5xx")]
)
def test_a_mistyped_fault_is_met_with_the_one_that_was_meant(spec: str, meant: str) -> None:
    done = refused("sandbox", "--port", "0", "--faults", spec)
    assert done.status == 2
    assert f"did you mean '{meant}'?" in done.err
    assert "the kinds are" not in done.err


async def test_a_port_that_is_taken_is_said_in_a_sentence() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        done = await loops_async("sandbox", "--port", str(port))
    assert done.status == 2
    assert str(port) in done.err
    assert "--port" in done.err
    assert "Traceback" not in done.err


async def test_help_answers_without_importing_aiohttp() -> None:
    code = (
        "import sys\n"
        "from loops_async.__main__ import main\n"
        "for command in [], ['import'], ['validate']:\n"
        "    sys.argv = ['loops-async', *command, '--help']\n"
        "    try:\n        main()\n"
        "    except SystemExit as end:\n        assert end.code == 0\n"
        "    assert 'aiohttp' not in sys.modules\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert out.count(b"Usage: loops-async") == 3


@pytest.mark.parametrize("missing", ["click", "rich"])
async def test_without_its_extra_the_command_line_says_which_to_install(missing: str) -> None:
    code = (
        "import sys\n"
        f"sys.modules[{missing!r}] = None\n"
        "from loops_async.__main__ import main\n"
        "main()\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stderr=asyncio.subprocess.PIPE
    )
    _, err = await process.communicate()
    assert process.returncode == 1
    assert b"pip install 'loops-async[cli]'" in err


@pytest.mark.parametrize("arguments", [["--api-key", ""], ["--rate", "nan"], ["--rate", "inf"]])
def test_a_sandbox_that_cannot_be_is_refused_in_a_sentence(arguments: list[str]) -> None:
    done = refused("sandbox", "--port", "0", *arguments)
    assert done.status == 2
    assert "Error:" in done.err
    assert "Traceback" not in done.err
