"""Sphinx settings."""

import inspect
import re
import sys
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, Final, get_origin

import attrs
from sphinx.domains.python import PyObject
from sphinx.util.typing import stringify_annotation

import loops_async

sys.path.insert(0, str(Path(__file__).parent))
from reference import expand

project = "loops_async"
author = "The loops_async contributors"
release = version = installed_version("loops-async")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"loops_async {version}"
html_static_path = ["_static"]
html_css_files = ["wide.css"]
html_show_copyright = False
exclude_patterns = ["_build", "examples"]
myst_heading_anchors = 3

# With -W, broken links and undocumented names in signatures fail the build.
nitpicky = True
nitpick_ignore_regex = [
    # Names from other packages. Their inventories are not fetched, so a build needs no network.
    ("py:.*", r"(collections|typing|types|datetime|pathlib|os|asyncio|enum)\..*"),
    ("py:.*", r"(aiohttp|yarl|multidict|attr|redis|pytest|prometheus_client|opentelemetry)\..*"),
    ("py:class", r"Redis(Cluster)?|tuple\[float"),
    # Internal protocols, base classes, and the types of keyword arguments.
    ("py:class", r"loops_async\.(pipeline\.\w+|connection|contrib\.redis\.team_pacer)\.\w+"),
    ("py:class", r"loops_async\.bulk\.outcomes\.Named\w+"),
    ("py:class", r"loops_async\.records\.\w+\.\w+Fields"),
    ("py:class", r"loops_async\.importer\.(coercion|mapping\.Known|reading|warnings)\w*\.?\w*"),
    ("py:class", r"(loops_async\.[\w.]+\.)?[A-Z]"),  # type variables
]

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_use_ivar = True
python_maximum_signature_line_length = 120  # includes module names, which are not shown
python_use_unqualified_type_names = True

ALIASES: Final = [
    name for name in loops_async.__all__ if get_origin(getattr(loops_async, name)) is not None
]
TYPE_VARIABLE: Final = re.compile(r"~?loops_async\.[\w.]+\.(?=[A-Z]\b)")
LONG_NAME: Final = re.compile(r"(?<![\w.~])(?=(?:collections\.abc|datetime|pathlib)\.[A-Za-z])")


def _short(text: str) -> str:
    """Replace the types in ``text`` by the names under which they are imported."""
    text = TYPE_VARIABLE.sub("", LONG_NAME.sub("~", text))
    for name in ALIASES:
        whole = LONG_NAME.sub("~", stringify_annotation(getattr(loops_async, name), "smart"))
        # A recursive alias is spelled out twice.
        own = f"~loops_async.{name}"
        text = text.replace(whole, own).replace(whole.replace(name, own), own)
    return text


def _as_written(*event: Any) -> None:
    _, what, _, described, _, lines = event
    # In the first line of a property, napoleon treats the text before a colon as its type.
    if what == "property":
        lines[:] = (inspect.getdoc(described) or "").splitlines()
    lines[:] = [_short(line) if line.startswith(":vartype") else line for line in lines]


def _readable(*event: Any) -> tuple[str | None, str | None]:
    _, what, _, described, _, signature, returned = event
    if signature and what == "class" and attrs.has(described):
        # autodoc shows Any for a field with a converter, and NOTHING for a default from a factory.
        for field in attrs.fields(described):
            kind = stringify_annotation(field.type, "smart")
            signature = signature.replace(f" {field.name}: ~typing.Any", f" {field.name}: {kind}")
        signature = signature.replace(" = NOTHING", " = ...")
    return signature and _short(signature), returned and _short(returned)


def _expand(_: object, __: str, content: list[str]) -> None:
    content[0] = expand(content[0])


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _expand)
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"
    app.connect("autodoc-process-docstring", _as_written, priority=600)
    app.connect("autodoc-process-signature", _readable)
