"""The pages hold together: links lead somewhere, pictures are as drawn, every name is explained."""

import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import loops_async
from docs.draw import CAPTIONS, FOLDER, drawn
from docs.include import SHOWN, included
from docs.reference import expand
from tests.unit.test_docstrings import MODULES
from tests.unit.test_layers import SOURCES, component

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
FENCE = re.compile(r"^(`{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.MULTILINE | re.DOTALL)
PUBLIC = {f"{module.__name__}.{name}" for module in MODULES for name in module.__all__}


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(text: str) -> set[str]:
    """What a link may name behind the ``#``: each heading, as GitHub and MyST spell it."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", text, re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        again = 0
        while anchor in found:
            again += 1
            anchor = f"{slug}-{again}"
        found.add(anchor)
    return found


def dead(page: Path, text: str) -> Iterator[str]:
    """The links of ``text`` that lead nowhere, as if it stood in ``page``."""
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        there = target.is_file() and ROOT in target.parents
        headings = anchors(text if target == page else prose(target)) if there else set()
        if not there or (anchor and anchor not in headings):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_link_leads_nowhere(page: Path) -> None:
    assert list(dead(page, prose(page))) == []


def test_a_dead_link_is_found() -> None:
    page = DOCS / "index.md"
    text = """
# Here we are: `now`
[a](nowhere.md) [b](tutorial.md#no-such-heading) [c](#here-we-are) ![d](pictures/none.svg)
[e](tutorial.md) [f](tutorial.md#install) [g](#here-we-are-now) [h](https://loops.so/#x)
"""
    assert list(dead(page, text)) == [
        "nowhere.md",
        "tutorial.md#no-such-heading",
        "#here-we-are",
        "pictures/none.svg",
    ]


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = set()
    for index in DOCS.rglob("index.md"):
        for block in TOCTREE.findall(index.read_text(encoding="utf-8")):
            entries = [line for line in block.split("\n") if line and not line.startswith(":")]
            listed |= {(index.parent / f"{entry}.md").resolve() for entry in entries}
    assert {named(page) for page in listed} == {
        named(page) for page in DOCS.rglob("*.md") if page != DOCS / "index.md"
    }


def test_the_pictures_are_what_the_script_draws() -> None:
    stale = [path.name for path, picture in drawn() if path.read_text(encoding="utf-8") != picture]
    assert stale == [], "run: python -m docs.draw"


def test_the_architecture_shows_and_explains_every_component() -> None:
    picture = (FOLDER / "layers.svg").read_text(encoding="utf-8")
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    components = {component(module) for module in SOURCES} - {""}
    assert len(components) > 10
    assert {name for name in components if f'class="name">{name}</text>' not in picture} == set()
    assert {
        name for name in components if f"`{name}`" not in page and f"`{name}/`" not in page
    } == set()
    assert components - set(CAPTIONS) == set()


def test_the_reference_explains_every_public_name_and_no_other() -> None:
    page = expand((DOCS / "api.md").read_text(encoding="utf-8"))
    explained = re.findall(r"^\.\. (?:auto|py:)\w+:: ([\w.]+)", page, re.MULTILINE)
    assert len(explained) == len(set(explained))
    internal = {name for name in explained if name.startswith("loops_async.api.")}
    assert set(explained) - internal == PUBLIC


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=named)
def test_a_file_that_a_page_names_is_there(page: Path) -> None:
    paths = re.findall(r"`((?:tests|docs|loops_async)/[\w/.]+)`", prose(page))
    assert {path for path in paths if not (ROOT / path).exists()} == set()
    # GitHub would show the name of the file in place of the code.
    assert "{literalinclude}" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=named)
def test_a_page_shows_the_examples_as_they_are(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == included(page), "run: python -m docs.include"


def test_every_example_is_shown() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
    shown = {Path(found["path"]).name for found in SHOWN.finditer(text)}
    assert shown == {path.name for path in (DOCS / "examples").glob("*.py")}


def test_what_a_client_can_do_is_in_the_reference() -> None:
    page = expand((DOCS / "api.md").read_text(encoding="utf-8"))
    client = loops_async.LoopsClient("a-key")
    resources = [type(value) for name, value in vars(client).items() if not name.startswith("_")]
    assert len(resources) == 7
    for kind in resources:
        assert f".. autoclass:: {kind.__module__}.{kind.__name__}()" in page


def test_a_client_cannot_be_pickled_as_the_page_on_security_says() -> None:
    # What raises depends on the Python; that the key comes out must not.
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        pickle.dumps(loops_async.LoopsClient("a-key"))
