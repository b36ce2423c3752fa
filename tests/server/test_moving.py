"""What docs/moving.md shows of other clients runs as well, where they are installed."""

import asyncio
import importlib.util
import os
import re
import sys
from pathlib import Path

import pytest

from loops_async.sandbox import Sandbox

PAGE = Path(__file__).parents[2] / "docs" / "moving.md"
BLOCKS = {
    re.findall(r"^import (\w+)", code, re.MULTILINE)[-1]: code
    for code in re.findall(r"^```py\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
}


@pytest.mark.parametrize("client", ["pyloops", "aiohttp"])
async def test_the_code_that_one_moves_away_from_does_what_the_page_says(
    tmp_path: Path, client: str
) -> None:
    if importlib.util.find_spec(client) is None:
        pytest.skip(f"{client} is not installed")
    async with Sandbox() as sandbox:
        environment = {"LOOPS_API_KEY": sandbox.api_key, "LOOPS_BASE_URL": sandbox.url}
        # It takes its address from nowhere else.
        there = f"import pyloops\n\npyloops.configure(base_url={sandbox.url!r})"
        code = BLOCKS[client].replace("import pyloops", there, 1)
        (tmp_path / "before.py").write_text(code, encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "before.py", cwd=tmp_path, env={**os.environ, **environment},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()
        assert sandbox.contacts["ada@example.com"].properties["plan"] == "pro"
