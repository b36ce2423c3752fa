"""Creates the picture of an import's progress: ``python -m docs.draw_progress``.

The picture shows the real command in a terminal, half way through a file, against a sandbox that
accepts ten requests a second. It differs from run to run, so run this script by hand.
"""

import asyncio
import io
import os
import pty
import re
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from loops_async.sandbox import Sandbox

PICTURE: Final = Path(__file__).parent / "pictures" / "progress.svg"
ROWS: Final = 240
COLUMNS: Final = 108
FONT_FROM_ELSEWHERE = re.compile(r"@font-face \{.*?\}", re.DOTALL)


def people() -> str:
    """An export with one invalid row."""
    rows = [f"user{number}@example.com,User {number},pro" for number in range(ROWS)]
    rows[7] = "user7 at example.com,User 7,pro"
    return "\n".join(["Email,First Name,Plan", *rows, ""])


async def shown_half_way(folder: Path, sandbox: Sandbox) -> str:
    """Return the terminal output when half of the rows are done."""
    (folder / "people.csv").write_text(people(), encoding="utf-8")
    parent, child = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loops_async", "import", "people.csv", "--create-properties"),
        cwd=folder,
        stdin=child,
        stdout=child,
        stderr=child,
        env={
            **os.environ,
            "LOOPS_API_KEY": sandbox.api_key,
            "LOOPS_BASE_URL": sandbox.url,
            "COLUMNS": str(COLUMNS),
            "TERM": "xterm-256color",
        },
    )
    os.close(child)
    screen, done = "", 0
    try:
        while done < ROWS // 2:
            done = max(map(int, re.findall(rf"(\d+)/{ROWS}", screen)), default=0)
            screen += (await asyncio.to_thread(os.read, parent, 65536)).decode()
        # The rest of the frame.
        await asyncio.sleep(0.2)
        screen += os.read(parent, 65536).decode()
    finally:
        process.terminate()
        await process.wait()
        os.close(parent)
    return screen


def last_frame(screen: str) -> str:
    """Return the lines above the bar, and the last state of the bar."""
    above, *frames = re.split(r"\r?\x1b\[2K", screen)
    bar = next(frame for frame in reversed(frames) if f"/{ROWS}" in frame)
    above = "\n".join(line for line in above.splitlines() if f"/{ROWS}" not in line)
    return f"$ loops-async import people.csv --create-properties\n{above.rstrip()}\n{bar.strip()}"


async def main() -> None:
    """Run the import and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        async with Sandbox() as sandbox:
            screen = await shown_half_way(Path(folder), sandbox)
    frame = last_frame(re.sub(r"\x1b\[\?25[lh]", "", screen)).replace("\r", "")
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    # Add an empty line, because the picture ends at the baseline of the last line.
    console.print(Text.from_ansi(f"{frame}\n"))
    picture = console.export_svg(title="loops-async", theme=DIMMED_MONOKAI, unique_id="p")
    PICTURE.write_text(FONT_FROM_ELSEWHERE.sub("", picture), encoding="utf-8")
    print(PICTURE)


if __name__ == "__main__":
    asyncio.run(main())
