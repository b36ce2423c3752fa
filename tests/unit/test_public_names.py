import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import loops_async

SOURCE = Path(inspect.getfile(loops_async))


def type_checking_names() -> dict[str, str]:
    """Every name that the TYPE_CHECKING block brings in, and the module it comes from."""
    (block,) = (node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If))
    names = {"__version__": ""}
    for node in block.body:
        if isinstance(node, ast.ImportFrom):
            names.update({alias.asname or alias.name: node.module or "" for alias in node.names})
    return names


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


def test_the_public_names_are_those_that_a_type_checker_sees() -> None:
    assert sorted(loops_async.__all__) == sorted(type_checking_names())
    assert len(set(loops_async.__all__)) == len(loops_async.__all__)


@pytest.mark.parametrize("name", loops_async.__all__)
def test_a_public_name_is_what_a_type_checker_takes_it_for(name: str) -> None:
    value = getattr(loops_async, name)
    module = type_checking_names()[name]
    if module:
        assert value is getattr(sys.modules[module], name)
    else:
        assert isinstance(value, str)


def test_dir_lists_the_public_names() -> None:
    assert dir(loops_async) == sorted(loops_async.__all__)


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
