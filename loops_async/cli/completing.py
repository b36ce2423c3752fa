"""Shell completion: the script that a shell has to read once."""

import click
from click.shell_completion import get_completion_class


def completion_script(command: click.Command, shell: str) -> str:
    """The script of ``shell`` that completes what is typed behind ``loops-async``."""
    found = get_completion_class(shell)
    if found is None:
        raise click.BadParameter(f"there is none for {shell}", param_hint="SHELL")
    return found(command, {}, "loops-async", "_LOOPS_ASYNC_COMPLETE").source()
