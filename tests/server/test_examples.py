"""Every code block of the README and of docs/ runs as it stands, against a sandbox."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from loops_async.sandbox import Sandbox
from tests.examples import examples, pytest_mode

BLOCKS = list(examples())
SCRIPTS = [pytest.param(code, id=name) for name, code in BLOCKS if not pytest_mode(code)]
TESTS = [
    pytest.param(code, mode, id=f"{name}-{mode}")
    for name, code in BLOCKS
    if (mode := pytest_mode(code))
]


async def run(*arguments: str, folder: Path) -> None:
    """Run Python to a good end, in an environment that leads to a sandbox."""
    async with Sandbox(rate=100) as sandbox:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-W",
            "error",
            *arguments,
            cwd=folder,
            env={
                **os.environ,
                "LOOPS_API_KEY": sandbox.api_key,
                "LOOPS_BASE_URL": sandbox.url,
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


@pytest.mark.parametrize("code", SCRIPTS)
async def test_the_block_runs_without_an_error(code: str, tmp_path: Path) -> None:
    await run("-c", code, folder=tmp_path)


@pytest.mark.parametrize(("code", "mode"), TESTS)
async def test_the_block_s_own_tests_pass(code: str, mode: str, tmp_path: Path) -> None:
    (tmp_path / "test_block.py").write_text(code, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\nasyncio_mode = {mode}\nasyncio_default_fixture_loop_scope = function\n"
        "filterwarnings = error\n"
    )
    await run("-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path), folder=tmp_path)


def test_there_are_blocks_to_run() -> None:
    assert "readme_1" in dict(BLOCKS)
    assert any(name.startswith("testing_") for name, code in BLOCKS if pytest_mode(code))
