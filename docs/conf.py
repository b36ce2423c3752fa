"""Sphinx settings."""

from importlib.metadata import version as installed_version

project = "loops_async"
author = "The loops_async contributors"
release = version = installed_version("loops-async")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = f"loops_async {version}"
myst_heading_anchors = 3
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
exclude_patterns = ["_build"]
