"""Options that several commands share, and those that ``ImportOptions`` defines."""

from collections.abc import Callable
from typing import Any, TypeVar

import attrs
import click

from loops_async.cli.console import Console
from loops_async.importer.options import ImportOptions, OptionSpec, option_specs

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """Add ``--json``."""
    help_text = "Print one JSON document, for scripts."
    return click.option("--json", "as_json", is_flag=True, help=help_text)(command)


def file_argument(command: F) -> F:
    """Add the argument FILE."""
    return click.argument("file", type=click.Path())(command)


def account_options(command: F) -> F:
    """Add the options that name the account: the key and the address."""
    for option in (
        click.option("--base-url", metavar="URL", help="Use another address than Loops' own."),
        click.option("--api-key", metavar="KEY", help="The API key; LOOPS_API_KEY is safer."),
    ):
        command = option(command)
    return command


def importer_options(
    options: type[Any] = ImportOptions, *, validating: bool = False
) -> Callable[[F], F]:
    """Add the options that an attrs class defines; only those of ``validate`` if ``validating``."""
    defaults = {attribute.name: attribute.default for attribute in attrs.fields(options)}

    def decorate(command: F) -> F:
        for name, spec in reversed(option_specs(options).items()):
            if spec.validates or not validating:
                command = _click_option(name, spec, defaults[name])(command)
        return command

    return decorate


def warn_of_key(console: Console, api_key: str | None) -> None:
    """Warn of a key that every user of the machine can see in the list of processes."""
    if api_key:
        console.warn("other users of this machine can see --api-key; LOOPS_API_KEY is safer.")


def _click_option(name: str, spec: OptionSpec, default: Any) -> Callable[[F], F]:
    kinds: dict[str, dict[str, Any]] = {
        "flag": {"is_flag": True},
        "text": {"default": default},
        "texts": {"multiple": True},
        "choice": {"type": click.Choice(spec.choices), "default": default, "show_default": True},
        "path": {"type": click.Path()},
        "count": {"type": click.IntRange(min=1), "default": default, "show_default": True},
    }
    return click.option(spec.flag, name, metavar=spec.metavar, help=spec.help, **kinds[spec.kind])
