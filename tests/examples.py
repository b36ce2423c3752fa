"""The Python blocks of the README and of docs/, as the scripts that they are."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples() -> Iterator[tuple[str, str]]:
    """Each block's name (a page and a number) and its code."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        for number, block in enumerate(_BLOCK.finditer(text), 1):
            yield f"{page.stem.lower()}_{number}", block[1]


def pytest_mode(code: str) -> str | None:
    """The mode of pytest-asyncio that a block is run in; None for a plain script.

    Strict mode leaves alone what is not marked for it; what is marked runs in either.
    """
    if "def test_" not in code:
        return None
    return "auto" if "async def test_" in code and "pytest.mark." not in code else "strict"


def write(folder: Path) -> None:
    """Write each block to a file of its own, for a type checker to read."""
    for name, code in examples():
        # That package leaves types of its own open, which pyright would blame on who uses it.
        open_types = "import aioresponses" in code
        head = "# pyright: reportUnknownMemberType=false\n" if open_types else ""
        (folder / f"{name}.py").write_text(head + code, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
