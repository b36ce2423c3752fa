"""Draws the pictures of the documentation: ``python -m docs.draw``.

The floor plan is drawn from the test that holds it, so that the picture cannot say otherwise, and
a test asserts that what lies in ``docs/pictures`` is what this script draws.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from tests.unit.test_layers import FLOORS, ISLAND, KNOW_AIOHTTP, SEE_THE_ISLAND, SOURCES, room

FOLDER: Final = Path(__file__).parent / "pictures"

WIDTH: Final = 720
"""About a column of the pages, so that no letter is scaled down."""

# A picture in a page does not see the page's colours; it goes by what the reader's system prefers,
# background and all, so that it is readable on either. No CSS variables: not every viewer has them.
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
    """The rules of the style sheet that a dark page replaces."""
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
    """The head of an arrow."""
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path d="M0 0L8 4L0 8z" class="head {kind}"/></marker>'
    )


def page(height: int, title: str, parts: Sequence[str]) -> str:
    """A whole picture."""
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
    """A line of text; ``y`` is where it stands."""
    style = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{style}>{escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, kind: str = "box") -> str:
    """A rectangle with round corners."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5" class="{kind}"/>'
    )


def arrow(x1: float, y1: float, x2: float, y2: float, kind: str = "") -> str:
    """A straight arrow."""
    style = f"arrow {kind}".strip()
    end = f"url(#head-{kind})" if kind else "url(#head)"
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" class="{style}" marker-end="{end}"/>'


CAPTIONS: Final = {
    "errors": "all exceptions",
    "version": "this package",
    "freezing": "made quickly",
    "records": "what you send",
    "codec": "records and JSON",
    "pipeline": "retries, deadlines, replies",
    "transport": "one request out",
    "pacing": "how fast",
    "settings": "what is set",
    "bulk": "upsert_many",
    "connection": "the connector",
    "api": "loops.contacts, …",
    "client": "LoopsClient",
    "session": "LoopsSession",
    "importer": "files to contacts",
    "contrib": "what needs an extra",
    "testing": "for your tests",
    "cli": "loops-async",
    "__main__": "python -m",
    "sandbox": "a local Loops",
}


LETTER: Final = 6.2
"""The width of a small letter."""

TALL, GAP, LEFT, RIGHT, SHORE = 40, 8, 16, 580, 612
"""Of the plan: a floor's height, what is between two, and the edges of house and island."""


def standing() -> list[tuple[str, ...]]:
    """The floors from the top, with the rooms that there are."""
    rooms = {room(module) for module in SOURCES}
    floors = [tuple(name for name in floor if name in rooms) for floor in FLOORS]
    return [floor for floor in reversed(floors) if floor]


def named_box(x: float, y: float, wide: float, tall: float, name: str) -> list[str]:
    """A room with its name and what it is for."""
    middle, top = x + wide / 2, y + tall / 2
    caption = CAPTIONS.get(name, "")
    if len(caption) * LETTER > wide:
        raise ValueError(
            f"CAPTIONS[{name!r}]: is too long for its box; at most {wide / LETTER:.0f}"
        )
    return [
        box(x, y, wide, tall, "edge" if name in KNOW_AIOHTTP else "box"),
        text(middle, top - 3, name, "name"),
        text(middle, top + 12, caption, "small"),
    ]


def floor_plan() -> str:
    """The rooms of the package, a floor below the other."""
    floors = standing()
    height = len(floors) * (TALL + GAP) + 58
    parts, low = [], TALL
    for number, floor in enumerate(floors):
        y = 16 + number * (TALL + GAP)
        wide = (RIGHT - LEFT - GAP * (len(floor) - 1)) / len(floor)
        # Those that see the island stand on its side.
        for place, name in enumerate(sorted(floor, key=SEE_THE_ISLAND.__contains__)):
            parts += named_box(LEFT + place * (wide + GAP), y, wide, TALL, name)
        if SEE_THE_ISLAND & set(floor):
            low = y + TALL
            parts.append(arrow(RIGHT + 3, y + TALL / 2, SHORE - 4, y + TALL / 2))
    parts += named_box(SHORE, 16, WIDTH - 16 - SHORE, low - 16, ISLAND)
    middle = (low + height) / 2
    parts += [
        arrow(630, middle - 75, 630, middle + 75),
        text(640, middle - 5, "imports", "small", "start"),
        text(640, middle + 10, "point down", "small", "start"),
        box(LEFT, height - 29, 14, 14, "edge"),
        text(LEFT + 22, height - 18, "knows aiohttp", "small", "start"),
        text(LEFT + 116, height - 18, "The sandbox imports nothing of the rest.", "small", "start"),
    ]
    return page(height, "The rooms of loops_async, floor by floor", parts)


COLUMNS: Final = {
    "you": (70, "your code"),
    "endpoint": (190, "api"),
    "retrying": (330, "retrying"),
    "pacer": (450, "pacer"),
    "transport": (560, "transport"),
    "loops": (665, "Loops"),
}


class Story:
    """A picture of who tells whom, from top to bottom."""

    def __init__(self) -> None:
        self.y = 78.0
        self.parts: list[str] = []

    def tell(self, sender: str, receiver: str, words: str, kind: str = "", step: int = 30) -> None:
        """An arrow with words above it."""
        x1, x2 = COLUMNS[sender][0], COLUMNS[receiver][0]
        toward = 5 if x2 > x1 else -5
        self.parts.append(text((x1 + x2) / 2, self.y - 5, words, f"small {kind}".strip()))
        self.parts.append(arrow(x1 + toward, self.y, x2 - toward, self.y, kind))
        self.y += step

    def note(self, who: str, *lines: str, kind: str = "") -> None:
        """What somebody does by themselves."""
        wide = max(len(line) for line in lines) * 6.1 + 16
        tall = 15 * len(lines) + 8
        x = min(max(COLUMNS[who][0], wide / 2 + 10), WIDTH - wide / 2 - 10)
        self.parts.append(box(x - wide / 2, self.y - 14, wide, tall))
        for number, line in enumerate(lines):
            self.parts.append(text(x, self.y + 1 + 15 * number, line, f"small {kind}".strip()))
        self.y += tall + 16

    def turn(self, number: int, *, waits: bool) -> None:
        """Take a turn from the pacer and send."""
        self.tell("retrying", "pacer", "a turn?", step=24)
        self.tell("pacer", "retrying", "wait … go" if waits else "go", step=32)
        self.tell("retrying", "transport", f"attempt {number}", step=0)
        self.tell("transport", "loops", "POST", step=32)


def call() -> str:
    """One call of ``events.send`` that meets a 429 and a lost reply."""
    story = Story()
    story.tell("you", "endpoint", "events.send(…)")
    story.note("endpoint", "checked, made JSON;", "the key is minted, once")
    story.tell("endpoint", "retrying", "Request", step=38)
    story.turn(1, waits=True)
    story.tell("loops", "transport", "429", "bad", step=0)
    story.tell("transport", "retrying", "Reply", "bad", step=34)
    story.note(
        "retrying", "RateLimited: it did not happen.", "Pause as Retry-After says", kind="bad"
    )
    story.turn(2, waits=False)
    story.note("loops", "does it", kind="good")
    story.tell("loops", "transport", "✕ reset", "bad", step=0)
    story.tell("transport", "retrying", "ConnectionLost", "bad", step=34)
    story.note(
        "retrying", "Doubt: it may have happened.", "The same key makes it safe: again", kind="bad"
    )
    story.turn(3, waits=False)
    story.tell("loops", "transport", "409", "good", step=0)
    story.tell("transport", "retrying", "Reply", "good", step=34)
    story.note(
        "retrying",
        "After doubt, “key used already”",
        "means: the second attempt did it",
        kind="good",
    )
    story.tell("retrying", "endpoint", "Answer", "good", step=0)
    story.tell("endpoint", "you", "SendReceipt", "good", step=24)
    story.parts.append(text(12, story.y, "attempts=3, confirmed_by_repeat=True", "mono", "start"))
    height = int(story.y + 22)
    lanes = []
    for x, name in COLUMNS.values():
        lanes.append(f'<path d="M{x} 46V{height - 40}" class="life"/>')
        lanes.append(box(x - 46, 18, 92, 28, "edge" if name == "Loops" else "box"))
        lanes.append(text(x, 37, name, "name"))
    return page(height, "One call's life, with a 429 and a lost reply", lanes + story.parts)


PICTURES: Final[dict[str, Callable[[], str]]] = {"floors.svg": floor_plan, "call.svg": call}


def drawn() -> Iterator[tuple[Path, str]]:
    """Each picture's file and what belongs in it."""
    for name, draw in PICTURES.items():
        yield FOLDER / name, draw()


if __name__ == "__main__":
    for path, picture in drawn():
        path.write_text(picture, encoding="utf-8")
        print(path)
