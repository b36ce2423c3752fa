"""What bash, zsh and fish complete, by the script that the command prints."""

import asyncio
import contextlib
import os
import pty
import shutil
import sys
from pathlib import Path

import pytest

from tests.server.terminal import environment

pytestmark = pytest.mark.long

PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
BASH = """
eval "$(loops-async completion bash)"
complete -p loops-async > /dev/null || exit 9
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
compopt() { echo "option $2"; }
_loops_async_completion loops-async
printf '%s\\n' "${COMPREPLY[@]}"
"""
FISH = """
loops-async completion fish | source
complete --do-complete $argv[1]
"""


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("rows.csv", "my notes.txt"):
        (tmp_path / name).touch()
    return tmp_path


async def said(*command: str, folder: Path, **env: str) -> list[str]:
    """The lines that ``command`` prints for a user whose home is ``folder``."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=environment() | {"PATH": PATH, "HOME": str(folder)} | env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err
    assert err == b""
    return out.decode().splitlines()


async def test_bash_completes_commands_options_and_files(folder: Path) -> None:
    async def completed(*words: str) -> list[str]:
        return await said("bash", "--norc", "-c", BASH, "bash", *words, folder=folder)

    assert await completed("loops-async", "im") == ["import"]
    assert await completed("loops-async", "validate", "--of") == ["--offline"]
    # Files are bash's own business, which it is asked to mind.
    assert "option default" in await completed("loops-async", "import", "ro")


async def test_zsh_is_told_what_a_word_may_become(folder: Path) -> None:
    async def completed(words: str, place: int) -> list[str]:
        asked = {"COMP_WORDS": words, "COMP_CWORD": str(place)}
        return await said(
            "loops-async", folder=folder, _LOOPS_ASYNC_COMPLETE="zsh_complete", **asked
        )

    assert (await completed("loops-async im", 1))[:2] == ["plain", "import"]
    whole = ["plain", "--dry-run", "Check every row, send nothing, write no file."]
    assert await completed("loops-async import --dry", 2) == whole
    assert (await completed("loops-async import ro", 2))[0] == "file"


async def test_fish_is_told_what_a_word_may_become(folder: Path) -> None:
    async def completed(words: str, word: str) -> list[str]:
        asked = {"COMP_WORDS": words, "COMP_CWORD": word}
        return await said(
            "loops-async", folder=folder, _LOOPS_ASYNC_COMPLETE="fish_complete", **asked
        )

    (command,) = await completed("loops-async im", "im")
    assert command.startswith("plain,import\t")
    whole = ["plain,--dry-run\tCheck every row, send nothing, write no file."]
    assert await completed("loops-async import --dry", "--dry") == whole
    assert (await completed("loops-async import ro", "ro"))[0].startswith("file,")


@needs("fish")
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("loops-async che", "check\tAsk Loops whose key it is."),
        ("loops-async import --dr", "--dry-run\tCheck every row, send nothing, write no file."),
        ("loops-async import ro", "rows.csv"),
        ("loops-async import ~/ro", "~/rows.csv"),
        ("loops-async import my\\ n", "my notes.txt"),
        ("loops-async import --rejected=ro", "--rejected=rows.csv"),
    ],
)
async def test_fish_completes(folder: Path, typed: str, offered: str) -> None:
    # It is asked here as if by the Tab key.
    assert offered in await said("fish", "--no-config", "-c", FISH, typed, folder=folder)


async def shown(terminal: int, awaited: bytes) -> bytes:
    """What ``terminal`` shows until ``awaited`` is among it."""
    seen = b""
    while awaited not in seen:
        await asyncio.sleep(0.01)
        with contextlib.suppress(BlockingIOError):
            seen += os.read(terminal, 65536)
    return seen


@needs("zsh")
@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("che", "check"),
        ("import --dr", "import --dry-run"),
        ("import ro", "import rows.csv"),
        ("import ~/ro", "import ~/rows.csv"),
        ("import my", "import my\\ notes.txt"),
        ("import --rejected=ro", "import --rejected=rows.csv"),
    ],
)
async def test_zsh_completes(folder: Path, typed: str, becomes: str) -> None:
    # Of a user who has set nothing up but what the page says; zsh completes on terminals only.
    (folder / ".zshrc").write_text("PS1='ready> '\neval \"$(loops-async completion zsh)\"\n")
    leader, follower = pty.openpty()
    os.set_blocking(leader, False)
    process = await asyncio.create_subprocess_exec(
        *("zsh", "--no-globalrcs", "-i"),
        cwd=folder,
        env=environment(PATH=PATH, HOME=str(folder), ZDOTDIR=str(folder), TERM="dumb"),
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    try:
        async with asyncio.timeout(20):
            await shown(leader, b"ready> ")
            os.write(leader, f"loops-async {typed}\t".encode())
            await shown(leader, f"loops-async {becomes}".encode())
    finally:
        process.kill()
        await process.wait()
        os.close(leader)
