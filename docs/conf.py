"""Sphinx settings."""

import inspect
from importlib.metadata import version as installed_version
from typing import Any

project = "loops_async"
author = "The loops_async contributors"
release = version = installed_version("loops-async")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"loops_async {version}"
exclude_patterns = ["_build", "examples"]
myst_heading_anchors = 3

# With -W, a link that leads nowhere fails the build, and so does a name in a signature that no page
# explains.
nitpicky = True
nitpick_ignore_regex = [
    # Other people's: no inventory of theirs is fetched, so that a build needs no network.
    ("py:.*", r"(collections|typing|types|datetime|pathlib|os|asyncio|enum)\..*"),
    ("py:.*", r"(aiohttp|yarl|multidict|attr|redis|pytest)\..*"),
    ("py:class", r"Redis(Cluster)?|tuple\[float"),
    # What is behind the public names: protocols, bases, and the keyword arguments of a record.
    ("py:class", r"loops_async\.(wire|connection|resources\.fields|contrib\.redis\.team)\.\w+"),
    ("py:class", r"(loops_async\.[\w.]+\.)?[A-Z]"),  # type variables
]

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_use_ivar = True
python_use_unqualified_type_names = True


def _as_written(*event: Any) -> None:
    # In a property's first line, napoleon takes what stands before a colon for its type.
    _, what, _, described, _, lines = event
    if what == "property":
        lines[:] = (inspect.getdoc(described) or "").splitlines()


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", _as_written, priority=600)
