"""The table of public names, the stub that type checkers read, and what importing them costs."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import loops_async
import loops_async.testing

SOURCE = Path(inspect.getfile(loops_async))
ROOT = SOURCE.parent
STUBS = sorted(ROOT.rglob("__init__.pyi"))
PACKAGES = [
    importlib.import_module(".".join(stub.parent.relative_to(ROOT.parent).parts)) for stub in STUBS
]


def in_the_stub(package: ModuleType) -> dict[str, str]:
    """Every name that a package's stub exports, and the module that it comes from."""
    names: dict[str, str] = {}
    for node in ast.parse(Path(inspect.getfile(package)).with_suffix(".pyi").read_text()).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                assert alias.asname == alias.name, "only 'import X as X' exports a name"
                assert alias.name not in names, f"{alias.name} stands in the stub twice"
                names[alias.name] = str(node.module)
    return names


def defines(module: ModuleType, name: str) -> bool:
    """Whether a module defines a name itself."""
    for node in ast.parse(inspect.getsource(module)).body:
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if name in {getattr(node, "name", None), *(getattr(one, "id", None) for one in targets)}:
            return True
    return False


def in_a_fresh_interpreter(code: str) -> str:
    result = subprocess.run(  # noqa: S603 - our own interpreter, our own code
        [sys.executable, "-I", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=SOURCE.parents[1],
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_the_table_and_the_stub_have_the_same_names(package: ModuleType) -> None:
    table, stub = list(package.__all__), in_the_stub(package)
    assert {name for name in table if name not in stub} == set(), "not in the stub"
    assert {name for name in stub if name not in table} == set(), "not in the table"
    assert len(table) == len(stub), "a name stands in the table twice"
    assert sorted(table) == dir(package)


@pytest.mark.parametrize(
    ("package", "name"), [(package, name) for package in PACKAGES for name in package.__all__]
)
def test_a_public_name_is_what_its_module_defines(package: ModuleType, name: str) -> None:
    module = importlib.import_module(in_the_stub(package)[name])
    assert getattr(package, name) is getattr(module, name)
    assert defines(module, name), f"{module.__name__} imports it from somewhere else"


def test_the_stubs_are_found() -> None:
    assert {loops_async, loops_async.testing} <= set(PACKAGES)


@pytest.mark.parametrize("name", ["LoopsClinet", "Retrying", "_HOME_", "__wrapped__"])
def test_a_name_that_is_not_public_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match=f"'loops_async' has no attribute '{name}'"):
        getattr(loops_async, name)


def test_importing_the_package_imports_nothing_else() -> None:
    path = str(SOURCE.parents[1])
    out = in_a_fresh_interpreter(
        f"import sys; sys.path.insert(0, {path!r}); before = set(sys.modules); import loops_async;"
        "print(*sorted(set(sys.modules) - before))"
    )
    new = set(out.split())
    assert "loops_async" in new
    heavy = {"aiohttp", "attrs", "attr", "asyncio", "cattrs", "orjson", "yarl", "ssl", "json"}
    assert {name.partition(".")[0] for name in new}.isdisjoint(heavy)
    assert {name for name in new if name.startswith("loops_async.")} == set()


def test_an_error_may_be_caught_without_paying_for_aiohttp() -> None:
    path = str(SOURCE.parents[1])
    out = in_a_fresh_interpreter(
        f"import sys; sys.path.insert(0, {path!r});"
        "from loops_async import LoopsError, ContactUpdate, UNSET;"
        "print('aiohttp' in sys.modules, 'asyncio' in sys.modules)"
    )
    assert out.split() == ["False", "False"]
