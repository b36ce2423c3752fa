"""Copies the programs of docs/examples into the pages that show them: ``python -m docs.include``.

A page shows one as a link to it with a colon, and a block of code below. It contains the code, so
that it can be read in the repository as well.
"""

import re
from pathlib import Path

DOCS = Path(__file__).parent
SHOWN = re.compile(
    r"(?P<head>^\[`[\w.]+`\]\((?P<path>examples/[\w.]+)\):\n\n```py\n).*?(?P<tail>^```$)",
    re.MULTILINE | re.DOTALL,
)


def included(page: Path) -> str:
    """The text of ``page``, with the programs as they are now."""

    def with_code(found: re.Match[str]) -> str:
        code = (page.parent / found["path"]).read_text(encoding="utf-8")
        return f"{found['head']}{code}{found['tail']}"

    return SHOWN.sub(with_code, page.read_text(encoding="utf-8"))


if __name__ == "__main__":
    for page in sorted(DOCS.rglob("*.md")):
        page.write_text(included(page), encoding="utf-8")
