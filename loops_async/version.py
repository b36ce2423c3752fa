"""The version of this package, said here so that nobody has to look into the installed metadata."""

__version__ = "0.1.0"
