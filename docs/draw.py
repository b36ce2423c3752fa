"""Draws the pictures of the documentation: ``python -m docs.draw``.

The layers are read from the test that enforces them, so the picture cannot differ from it. Another
test checks that the files in ``docs/pictures`` are what this script draws.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from tests.unit.test_layers import (
    LAYERS,
    MAY_IMPORT_AIOHTTP,
    MAY_IMPORT_SANDBOX,
    SANDBOX,
    SOURCES,
    component,
)

FOLDER: Final = Path(__file__).parent / "pictures"

WIDTH: Final = 720
"""Roughly the width of a page's text column, so that the text is not scaled down."""

# A picture cannot use the colours of the page that contains it. It follows the colour scheme of the
# reader's system, including the background. No CSS variables: not every viewer supports them.
LIGHT: Final = {
    "paper": "#ffffff", "ink": "#1f2328", "faint": "#57606a", "line": "#d0d7de", "box": "#f3f5f8",
    "edge": "#dbeafe", "edge-line": "#2563eb", "bad": "#c2410c", "good": "#15803d",
}  # fmt: skip
DARK: Final = {
    "paper": "#1a1c1f", "ink": "#e6e8eb", "faint": "#a3adb8", "line": "#4a5059", "box": "#26292e",
    "edge": "#1e3a5f", "edge-line": "#60a5fa", "bad": "#fb923c", "good": "#4ade80",
}  # fmt: skip
FONTS: Final = """
text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
.name { font-weight: 600; }
.mono { font: 12px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.small { font-size: 11px; }
.box, .edge { stroke-width: 1; }
.life { stroke-dasharray: 2 4; }
.arrow { stroke-width: 1.3; fill: none; }
"""


def colours(shades: Mapping[str, str]) -> str:
    """Return the style rules that depend on the colour scheme."""
    s = shades
    return (
        f"text {{ fill: {s['ink']}; }} .small {{ fill: {s['faint']}; }}\n"
        f".paper {{ fill: {s['paper']}; stroke: {s['line']}; }}\n"
        f".box {{ fill: {s['box']}; stroke: {s['line']}; }}\n"
        f".edge {{ fill: {s['edge']}; stroke: {s['edge-line']}; }}\n"
        f".life {{ stroke: {s['line']}; }} .arrow {{ stroke: {s['faint']}; }}\n"
        f".head {{ fill: {s['faint']}; }}\n"
        f".arrow.bad {{ stroke: {s['bad']}; }} .head.bad, text.bad {{ fill: {s['bad']}; }}\n"
        f".arrow.good {{ stroke: {s['good']}; }} .head.good, text.good {{ fill: {s['good']}; }}\n"
    )


STYLE: Final = f"{FONTS}{colours(LIGHT)}@media (prefers-color-scheme: dark) {{\n{colours(DARK)}}}\n"


def head(name: str, kind: str) -> str:
    """Return the marker for the head of an arrow."""
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0L8 4L0 8z" class="head {kind}"/></marker>'
    )


def page(height: int, title: str, parts: Sequence[str]) -> str:
    """Return a complete picture."""
    heads = head("head", "") + head("head-bad", "bad") + head("head-good", "good")
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f"<defs>{heads}</defs>",
            f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" rx="8" class="paper"/>',
            *parts,
            "</svg>\n",
        ]
    )


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "middle") -> str:
    """Return a line of text with its baseline at ``y``."""
    style = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{style}>{escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, kind: str = "box") -> str:
    """Return a rectangle with rounded corners."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5" class="{kind}"/>'
    )


def arrow(x1: float, y1: float, x2: float, y2: float, kind: str = "") -> str:
    """Return a straight arrow."""
    style = f"arrow {kind}".strip()
    end = f"url(#head-{kind})" if kind else "url(#head)"
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" class="{style}" marker-end="{end}"/>'


CAPTIONS: Final = {
    "errors": "all exceptions",
    "version": "package version",
    "records": "attrs records, one module per noun",
    "codec": "records to JSON and back",
    "pipeline": "messages, retries, responses, redaction, deadlines",
    "transport": "HTTP over aiohttp",
    "pacing": "rate limiting",
    "settings": "validated settings",
    "bulk": "upsert_many",
    "connection": "shared connection pool",
    "api": "loops.contacts, loops.events, …",
    "client": "LoopsClient",
    "session": "LoopsSession",
    "importer": "files to contacts",
    "contrib": "Redis, Prometheus, …",
    "testing": "pytest plugin",
    "cli": "the command loops-async",
    "__main__": "python -m loops_async",
    "sandbox": "a local Loops",
}


LETTER: Final = 6.2
"""The width of a letter in a caption."""

TALL, GAP, LEFT, RIGHT, SANDBOX_LEFT = 40, 8, 16, 580, 612
"""Height of a layer, gap between layers, left and right edge of the layers, left of the sandbox."""


def layers() -> list[tuple[str, ...]]:
    """Return the layers from the top, with the modules that exist."""
    existing = {component(module) for module in SOURCES}
    found = [tuple(name for name in layer if name in existing) for layer in LAYERS]
    return [layer for layer in reversed(found) if layer]


def named_box(x: float, y: float, wide: float, tall: float, name: str) -> list[str]:
    """Return a box with a name and its caption."""
    middle, top = x + wide / 2, y + tall / 2
    caption = CAPTIONS.get(name, "")
    if len(caption) * LETTER > wide:
        raise ValueError(
            f"CAPTIONS[{name!r}]: too long for its box; at most {wide / LETTER:.0f} characters"
        )
    return [
        box(x, y, wide, tall, "edge" if name in MAY_IMPORT_AIOHTTP else "box"),
        text(middle, top - 3, name, "name"),
        text(middle, top + 12, caption, "small"),
    ]


def layer_diagram() -> str:
    """Return the layers of the package, from top to bottom."""
    rows = layers()
    height = len(rows) * (TALL + GAP) + 58
    parts, low = [], TALL
    for number, names in enumerate(rows):
        y = 16 + number * (TALL + GAP)
        wide = (RIGHT - LEFT - GAP * (len(names) - 1)) / len(names)
        # Modules that import the sandbox are drawn next to it.
        for place, name in enumerate(sorted(names, key=MAY_IMPORT_SANDBOX.__contains__)):
            parts += named_box(LEFT + place * (wide + GAP), y, wide, TALL, name)
        if MAY_IMPORT_SANDBOX & set(names):
            low = y + TALL
            parts.append(arrow(RIGHT + 3, y + TALL / 2, SANDBOX_LEFT - 4, y + TALL / 2))
    parts += named_box(SANDBOX_LEFT, 16, WIDTH - 16 - SANDBOX_LEFT, low - 16, SANDBOX)
    middle = (low + height) / 2
    parts += [
        arrow(630, middle - 75, 630, middle + 75),
        text(640, middle - 5, "imports", "small", "start"),
        text(640, middle + 10, "point down", "small", "start"),
        box(LEFT, height - 29, 14, 14, "edge"),
        text(LEFT + 22, height - 18, "imports aiohttp", "small", "start"),
        text(LEFT + 126, height - 18, "The sandbox imports none of the others.", "small", "start"),
    ]
    return page(height, "The modules of loops_async, layer by layer", parts)


COLUMNS: Final = {
    "you": (70, "your code"),
    "endpoint": (190, "api"),
    "retrying": (330, "retrying"),
    "pacer": (450, "pacer"),
    "transport": (560, "transport"),
    "loops": (665, "Loops"),
}


class SequenceDiagram:
    """A sequence diagram, drawn from top to bottom."""

    def __init__(self) -> None:
        self.y = 78.0
        self.parts: list[str] = []

    def message(
        self, sender: str, receiver: str, words: str, kind: str = "", step: int = 30
    ) -> None:
        """Add an arrow with a label above it."""
        x1, x2 = COLUMNS[sender][0], COLUMNS[receiver][0]
        toward = 5 if x2 > x1 else -5
        self.parts.append(text((x1 + x2) / 2, self.y - 5, words, f"small {kind}".strip()))
        self.parts.append(arrow(x1 + toward, self.y, x2 - toward, self.y, kind))
        self.y += step

    def note(self, who: str, *lines: str, kind: str = "") -> None:
        """Add a box with text to one column."""
        wide = max(len(line) for line in lines) * 6.1 + 16
        tall = 15 * len(lines) + 8
        x = min(max(COLUMNS[who][0], wide / 2 + 10), WIDTH - wide / 2 - 10)
        self.parts.append(box(x - wide / 2, self.y - 14, wide, tall))
        for number, line in enumerate(lines):
            self.parts.append(text(x, self.y + 1 + 15 * number, line, f"small {kind}".strip()))
        self.y += tall + 16

    def attempt(self, number: int, *, waits: bool) -> None:
        """Add an attempt: a permit from the pacer, then the request."""
        self.message("retrying", "pacer", "acquire()", step=24)
        self.message("pacer", "retrying", "permit after wait" if waits else "permit", step=32)
        self.message("retrying", "transport", f"attempt {number}", step=0)
        self.message("transport", "loops", "POST", step=32)


def call() -> str:
    """Return the diagram of an ``events.send`` with a 429 and a lost reply."""
    diagram = SequenceDiagram()
    diagram.message("you", "endpoint", "events.send(…)")
    diagram.note("endpoint", "validates, encodes,", "generates the key once")
    diagram.message("endpoint", "retrying", "Request", step=38)
    diagram.attempt(1, waits=True)
    diagram.message("loops", "transport", "429", "bad", step=0)
    diagram.message("transport", "retrying", "Reply", "bad", step=34)
    diagram.note("retrying", "RateLimited: not processed.", "Waits for Retry-After", kind="bad")
    diagram.attempt(2, waits=False)
    diagram.note("loops", "processes it", kind="good")
    diagram.message("loops", "transport", "✕ reset", "bad", step=0)
    diagram.message("transport", "retrying", "ConnectionLost", "bad", step=34)
    diagram.note(
        "retrying", "In doubt: possibly processed.", "Repeats it with the same key", kind="bad"
    )
    diagram.attempt(3, waits=False)
    diagram.message("loops", "transport", "409", "good", step=0)
    diagram.message("transport", "retrying", "Reply", "good", step=34)
    diagram.note(
        "retrying",
        "After doubt, “key already used”",
        "means that attempt 2 succeeded",
        kind="good",
    )
    diagram.message("retrying", "endpoint", "Answer", "good", step=0)
    diagram.message("endpoint", "you", "SendReceipt", "good", step=24)
    diagram.parts.append(
        text(12, diagram.y, "attempts=3, confirmed_by_repeat=True", "mono", "start")
    )
    height = int(diagram.y + 22)
    lanes = []
    for x, name in COLUMNS.values():
        lanes.append(f'<path d="M{x} 46V{height - 40}" class="life"/>')
        lanes.append(box(x - 46, 18, 92, 28, "edge" if name == "Loops" else "box"))
        lanes.append(text(x, 37, name, "name"))
    return page(height, "One call's life, with a 429 and a lost reply", lanes + diagram.parts)


PICTURES: Final[dict[str, Callable[[], str]]] = {"layers.svg": layer_diagram, "call.svg": call}


def drawn() -> Iterator[tuple[Path, str]]:
    """Yield the file and the content of each picture."""
    for name, draw in PICTURES.items():
        yield FOLDER / name, draw()


if __name__ == "__main__":
    for path, picture in drawn():
        path.write_text(picture, encoding="utf-8")
        print(path)
