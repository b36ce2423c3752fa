"""``loops-async sandbox``."""

import asyncio
import difflib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from loops_async.cli.console import Console, print_json
from loops_async.cli.runner import DONE, REFUSED, run, stoppable

if TYPE_CHECKING:
    from loops_async.sandbox import Faults, Sandbox

_EVERY_ADDRESS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104


@click.command()
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65535),
    default=8026,
    show_default=True,
    help="The port to listen on; 0 for a free one.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--rate",
    metavar="N",
    type=click.FloatRange(min=0),
    default=10.0,
    show_default=True,
    help="Requests per second that it accepts; 0 for no limit.",
)
@click.option(
    "--api-key", default="test-key", show_default=True, help="The API key that it accepts."
)
@click.option("--strict-properties", is_flag=True, help="Refuse unknown properties.")
@click.option(
    "--transactional",
    metavar="ID=NAME,NAME",
    multiple=True,
    help="A published transactional email and its required data variables. Repeatable. "
    "Other IDs are then refused.",
)
@click.option(
    "--faults",
    "spec",
    metavar="SPEC",
    help="Inject faults: rate=0.3,kinds=5xx+reset_after or script=500,reset_after,ok.",
)
@click.option("--seed", type=int, metavar="N", help="The seed of random faults.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line once it listens.")
def sandbox(
    port: int,
    host: str,
    rate: float,
    api_key: str,
    *,
    strict_properties: bool,
    transactional: tuple[str, ...],
    spec: str | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """Serve a local stand-in for the Loops API.

    It answers clients of any language until Ctrl-C or SIGTERM.

    \b
    Example:
      loops-async sandbox --port 8026 --rate 10
      curl -H "Authorization: Bearer test-key" http://127.0.0.1:8026/api/v1/api-key

    \b
    Exit status: 2 it cannot listen or an option is invalid, 130 interrupted,
    143 terminated.
    """  # noqa: D301 - \b is click's mark for text to leave as it is
    from loops_async.sandbox import Sandbox  # noqa: PLC0415

    try:
        served = Sandbox(
            api_key=api_key,
            host=host,
            port=port,
            rate=rate or None,
            strict_properties=strict_properties,
            transactional_emails=read_transactional(transactional),
            faults=read_faults(spec, seed),
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    console = Console("sandbox", as_json)
    if api_key != "test-key":
        console.warn("other users of this machine can see --api-key: do not pass a real one.")

    async def job() -> int:
        with stoppable():
            return DONE if await serve(served, console, host) else REFUSED

    run(console, lambda: asyncio.run(job()))


async def serve(served: "Sandbox", console: Console, host: str) -> bool:
    """Serve on ``host`` until cancelled; return False if it cannot listen."""
    from loops_async.connection import is_loopback  # noqa: PLC0415

    try:
        await served.start()
    except OSError as error:
        console.fail(f"cannot listen ({error.strerror}); try another --port or --host")
        return False
    seed = served.faults.seed if served.faults is not None else None
    if console.as_json:
        # Printed now, because a script cannot wait for the end of a server.
        print_json(
            {"command": "sandbox", "url": served.url, "api_key": served.api_key, "seed": seed}
        )
        console.as_json = False
    console.log(
        f"The sandbox listens at {served.url} with the API key {served.api_key!r}. "
        "Press Ctrl-C to stop it."
    )
    if not is_loopback(host):
        where = f"{f'[{host}]' if ':' in host else host}:{served.port}"
        every = ", which is every address of this machine" if host in _EVERY_ADDRESS else ""
        console.warn(
            f"it listens on {where}{every}: anyone who can reach it can use it. Clients in other "
            f"containers or machines use http://NAME:{served.port}/api, where NAME is the name of "
            "this one, and LOOPS_ALLOW_HTTP=1."
        )
    if seed is not None:
        console.log(f"Its faults are random with --seed {seed}.")
    await served.serve_forever()
    return True


def read_transactional(values: Iterable[str]) -> dict[str, list[str]] | None:
    """Return the ids in ``--transactional`` with their data variables, None if it is not given.

    Raises:
        BadParameter: A value is malformed, or an id is given twice.
    """
    emails: dict[str, list[str]] = {}
    for value in values:
        email_id, equals, names = value.partition("=")
        variables = [name.strip() for name in names.split(",")] if equals else []
        if not all(re.fullmatch(r"[^\s,=]+", part) for part in (email_id, *variables)):
            raise click.BadParameter(
                f"{value!r} must be ID or ID=NAME,NAME, such as cll42l54f=name,link. "
                "Repeat the option for each email.",
                param_hint="--transactional",
            )
        if email_id in emails:
            raise click.BadParameter(
                f"{email_id!r} is given twice. Give it once, with all its data variables.",
                param_hint="--transactional",
            )
        emails[email_id] = variables
    return emails or None


def read_faults(spec: str | None, seed: int | None) -> "Faults | None":
    """Return the faults that ``--faults`` and ``--seed`` describe.

    Raises:
        UsageError: One of them is invalid.
    """
    from loops_async.sandbox import parse_faults  # noqa: PLC0415

    if spec is None:
        if seed is not None:
            raise click.UsageError("--seed is for random faults: it needs --faults.")
        return None
    try:
        return parse_faults(spec, seed=seed)
    except ValueError as error:
        raise click.BadParameter(_shortened(str(error)), param_hint="--faults") from None


def _shortened(problem: str) -> str:
    """Return ``problem`` with the closest kind of fault instead of the list of all kinds."""
    from loops_async.sandbox import FAULT_KINDS  # noqa: PLC0415

    families = {kind.family for kind in FAULT_KINDS.values()}
    found = re.search(r"there is no fault '(.+?)'", problem)
    close = difflib.get_close_matches(found[1], [*FAULT_KINDS, *families, "ok"], 1) if found else ()
    if not found or not close:
        return problem
    return f"{problem[: found.end()]}; did you mean {close[0]!r}?"
