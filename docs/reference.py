"""The entries of the API reference, generated from the tables of public names.

Two directives in a page are replaced before Sphinx reads it:

``.. public:: loops_async.records`` stands for the public names of ``loops_async`` that are defined
in that module or package. For a package with names of its own, such as ``loops_async.sandbox``, it
stands for those. Options below it apply to each class.

``.. resources::`` stands for the classes behind ``loops.contacts``, ``loops.events`` and so on.
"""

import ast
import enum
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import loops_async

_PUBLIC = re.compile(r"^\.\. public:: (\S+)\n((?: +:.*\n)*)", re.MULTILINE)


def expand(page: str) -> str:
    """``page`` with the directives of Sphinx in place of ours."""
    page = _PUBLIC.sub(lambda found: "".join(_entries(found[1], found[2])), page)
    return page.replace(".. resources::\n", "".join(_resources()))


def public_names(module: str) -> list[str]:
    """The public names that ``.. public:: module`` stands for."""
    home = module.removeprefix("loops_async.")
    found = [
        name
        for key, names in vars(loops_async)["_PUBLIC_NAMES"].items()
        for name in names.split()
        if f"{key}.".startswith(f"{home}.")
    ]
    if found:
        return [f"loops_async.{name}" for name in found]
    package = import_module(module)
    table = vars(package).get("_PUBLIC_NAMES", {})
    return [f"{module}.{name}" for name in " ".join(table.values()).split() or package.__all__]


def _entries(module: str, options: str) -> Iterator[str]:
    for public in public_names(module):
        package, _, name = public.rpartition(".")
        value = getattr(import_module(package), name)
        if inspect.isclass(value):
            yield _class_entry(public, value, options)
        elif inspect.isfunction(value):
            yield f".. autofunction:: {public}\n"
        else:
            text = _data_text(import_module(package), name)
            yield f".. py:data:: {public}\n\n" + "".join(f"   {line}\n" for line in text)


def _class_entry(public: str, value: type, options: str) -> str:
    if issubclass(value, BaseException):
        return f".. autoexception:: {public}\n"
    if issubclass(value, enum.Enum):
        return f".. autoclass:: {public}\n   :members:\n   :undoc-members:\n"
    # A class whose arguments are not documented is not for its users to create.
    created = re.search(r"^(Args|Attributes):", inspect.getdoc(value) or "", re.MULTILINE)
    entry = public if created else f"{public}()"
    return f".. autoclass:: {entry}\n" + (options or "   :members:\n")


def _data_text(package: ModuleType, name: str) -> list[str]:
    """The lines of the string below the assignment of ``name``."""
    body = ast.parse(inspect.getsource(import_module(_home(package, name)))).body
    for node, below in pairwise(body):
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if name in [getattr(target, "id", None) for target in targets]:
            if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
                return inspect.cleandoc(str(below.value.value)).splitlines()
            break
    raise LookupError(f"{name}: needs a string below its assignment, for the API reference")


def _home(package: ModuleType, name: str) -> str:
    """The module that ``package`` has ``name`` from, according to its stub or its own imports."""
    source = Path(str(package.__file__))
    stub = source.with_suffix(".pyi")
    for node in ast.parse((stub if stub.exists() else source).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]:
            return str(node.module)
    raise LookupError(f"{package.__name__}.{name}: is not imported from anywhere")


def _resources() -> Iterator[str]:
    for name, value in vars(loops_async.LoopsClient("key")).items():
        if not name.startswith("_"):
            kind = type(value)
            yield f".. autoclass:: {kind.__module__}.{kind.__name__}()\n\n"
            # Sphinx would put inherited methods between the others.
            for method in [method for base in kind.__mro__[:-1] for method in vars(base)]:
                if not method.startswith("_"):
                    yield f"   .. automethod:: {method}\n"
