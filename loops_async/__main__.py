"""``loops-async`` and ``python -m loops_async``."""

import io
import logging
import sys


def main() -> None:
    """Run the command line; say which extra is missing where it is not installed."""
    try:
        # Asked for by name, to tell their absence from a bug.
        import click  # noqa: F401, PLC0415 # pyright: ignore[reportUnusedImport]
        import rich  # noqa: F401, PLC0415 # pyright: ignore[reportUnusedImport]
    except ImportError:
        sys.exit("The command line needs an extra: pip install 'loops-async[cli]'")
    from loops_async.cli.console import discard  # noqa: PLC0415
    from loops_async.cli.main import cli  # noqa: PLC0415

    logging.getLogger("loops_async").addHandler(_warnings_about_the_address())
    for name in ("stdout", "stderr"):
        # Python has no stream for what a shell has closed with ``2>&-``. The work goes on.
        if getattr(sys, name) is None:
            discard(name)
    for stream in (sys.stdout, sys.stderr):
        # A terminal of another encoding must not turn the summary into a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    cli(prog_name="loops-async")


def _warnings_about_the_address() -> logging.Handler:
    """Return the handler for the log: the command line reports everything else itself."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("Warning: %(message)s"))
    handler.addFilter(lambda record: record.module == "connection")
    return handler


if __name__ == "__main__":
    main()
