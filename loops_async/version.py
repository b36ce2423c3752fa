"""The version of this package, so that it can be read without installed metadata."""

__version__ = "0.1.0"
"""The version of the package."""
