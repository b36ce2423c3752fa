"""The layers of the package: every import goes to a lower layer."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "loops_async"

# From the bottom up. A component is a module or package at the top level of loops_async. It may
# import from lower layers, but not from other components of its own layer. The sandbox is
# independent: it imports nothing else of the package.
LAYERS: list[tuple[str, ...]] = [
    ("errors", "version"),
    ("records",),
    ("codec",),
    ("pipeline",),
    ("transport", "pacing", "settings"),
    ("bulk", "connection"),
    ("api",),
    ("client",),
    ("session",),
    ("importer", "testing", "contrib"),
    ("cli",),
    ("__main__",),
]
SANDBOX = "sandbox"
MAY_IMPORT_SANDBOX = {"testing", "cli", "__main__", SANDBOX}
MAY_IMPORT_AIOHTTP = {"transport", SANDBOX}
MAY_IMPORT_REDIS = {"contrib"}
MAY_IMPORT_CLI_PACKAGES = {"cli", "__main__"}
MAX_ENTRIES = 22
MAX_DEPENDENCIES = 85

LAYER_OF = {
    component: number for number, components in enumerate(LAYERS) for component in components
}


def name_of(path: Path) -> str:
    """``loops_async.records.events``; a package is called by its own name."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {name_of(path): path.read_text() for path in sorted(ROOT.rglob("*.py"))}


@cache
def imports(source: str) -> frozenset[str]:
    """Return every module that ``source`` imports at run time, anywhere in the file.

    ``from package import name`` is the module ``package.name`` if it exists.
    """
    found: set[str] = set()
    for node in running(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                found.add(module if module in SOURCES else str(node.module))
    return frozenset(found)


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Yield ``node`` and its descendants, except for code that only type checkers see."""
    yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            for other in child.orelse:
                yield from running(other)
        else:
            yield from running(child)


def component(module: str) -> str:
    """Return the component that a module belongs to; empty for the package itself."""
    return [*module.split("."), ""][1]


def ours(source: str) -> set[str]:
    return {name for name in imports(source) if name.partition(".")[0] == "loops_async"}


def fault(module: str, imported: str) -> str | None:
    """Return why ``module`` must not import ``imported``, or None if it may."""
    here, there = component(module), component(imported)
    if there == "":
        return "imports the package itself, whose names are only for users"
    if here == there:
        return None
    if here == SANDBOX:
        return "the sandbox must not import from the client"
    if there == SANDBOX:
        return None if here in MAY_IMPORT_SANDBOX else "must not import from the sandbox"
    return None if LAYER_OF[there] < LAYER_OF[here] else "is not in a lower layer"


def dependencies() -> set[tuple[str, str]]:
    """Return every pair of components of which the first imports from the second."""
    pairs = {
        (component(m), component(name)) for m, source in SOURCES.items() for name in ours(source)
    }
    return {(here, there) for here, there in pairs if here and there and here != there}


def test_every_component_has_a_layer() -> None:
    assert {component(module) for module in SOURCES} - {""} <= {*LAYER_OF, SANDBOX}


def test_the_package_stays_small_at_the_top() -> None:
    entries = {path.name for path in ROOT.iterdir() if path.name != "__pycache__"}
    assert len(entries) <= MAX_ENTRIES, sorted(entries)
    assert len(dependencies()) <= MAX_DEPENDENCIES, sorted(dependencies())


def test_imports_go_to_lower_layers() -> None:
    found = {
        (module, name): fault(module, name)
        for module, source in SOURCES.items()
        if module != "loops_async"
        for name in ours(source)
    }
    assert {arrow: what for arrow, what in found.items() if what is not None} == {}


@pytest.mark.parametrize(
    ("packages", "components"),
    [
        ({"aiohttp"}, MAY_IMPORT_AIOHTTP),
        ({"redis"}, MAY_IMPORT_REDIS),
        ({"click", "rich"}, MAY_IMPORT_CLI_PACKAGES),
    ],
    ids=["aiohttp", "redis", "click and rich"],
)
def test_only_some_components_import_a_package(packages: set[str], components: set[str]) -> None:
    knowing = {
        module
        for module, source in SOURCES.items()
        if packages & {name.partition(".")[0] for name in imports(source)}
    }
    assert knowing
    assert {module for module in knowing if component(module) not in components} == set()


@pytest.mark.parametrize("module", [m for m in sorted(SOURCES) if component(m) == "importer"])
def test_the_importer_neither_prints_nor_ends_the_process(module: str) -> None:
    source = SOURCES[module]
    assert {"signal", "click", "rich"}.isdisjoint(imports(source))
    calls = {ast.unparse(n.func) for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Call)}
    assert calls.isdisjoint({"print", "sys.exit", "exit", "asyncio.run", "os._exit"})


def test_no_import_goes_round_in_a_circle() -> None:
    below = {module: ours(source) - {module} for module, source in SOURCES.items()}
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path, module])
        if module not in done:
            for name in below.get(module, set()):
                walk(name, (*path, module))
            done.add(module)

    for module in below:
        walk(module, ())


def test_no_two_classes_share_a_name() -> None:
    homes: dict[str, list[str]] = {}
    for module, source in SOURCES.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(module)
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}


def test_the_walk_sees_imports_in_functions_and_not_those_for_type_checkers() -> None:
    source = """
import loops_async.client as c
from loops_async import errors, LoopsClient
if TYPE_CHECKING:
    from loops_async.pipeline.retrying import Retrying
def f():
    from loops_async.sandbox.server import Sandbox
    import aiohttp.web
"""
    assert set(imports(source)) == {
        "loops_async", "loops_async.client", "loops_async.errors", "loops_async.sandbox.server",
        "aiohttp.web",
    }  # fmt: skip


@pytest.mark.parametrize(("module", "imported"), [
    ("loops_async.codec.encoding", "loops_async.client"),
    ("loops_async.pipeline.retrying", "loops_async.transport"),
    ("loops_async.records.contacts", "loops_async.codec"),
    ("loops_async.sandbox.team", "loops_async.errors"),
    ("loops_async.client", "loops_async.sandbox"),
    ("loops_async.bulk.upsert", "loops_async"),
])  # fmt: skip
def test_a_forbidden_import_is_found(module: str, imported: str) -> None:
    assert fault(module, imported) is not None
