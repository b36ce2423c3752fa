"""Every code block of the README and of docs/ runs as it stands, against a sandbox."""

import asyncio
import os
import sys

import pytest

from loops_async.sandbox import Sandbox
from tests.examples import examples


@pytest.mark.parametrize("code", [pytest.param(code, id=name) for name, code in examples()])
async def test_the_block_runs_without_an_error(code: str) -> None:
    async with Sandbox(rate=100) as sandbox:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-W",
            "error",
            "-c",
            code,
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


def test_there_are_blocks_to_run() -> None:
    assert "readme_1" in dict(examples())
