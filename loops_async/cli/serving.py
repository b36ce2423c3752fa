"""The sandbox as a server of its own, with the faults that it was asked for."""

from collections.abc import Callable

import click

from loops_async.sandbox import Faults, Sandbox, parse_faults


async def serve(sandbox: Sandbox, say: Callable[[str], None]) -> bool:
    """Serve until cancelled; False where it could not even begin."""
    try:
        await sandbox.start()
    except OSError as error:
        say(f"Error: cannot listen ({error.strerror}); try another --port or --host")
        return False
    say(
        f"A sandbox Loops listens at {sandbox.url} with the key {sandbox.api_key!r}. "
        "Ctrl-C stops it."
    )
    if sandbox.faults is not None and sandbox.faults.seed is not None:
        say(f"Its faults are drawn with --seed {sandbox.faults.seed}.")
    await sandbox.serve_forever()
    return True


def read_faults(spec: str | None, seed: int | None) -> Faults | None:
    """The faults that ``--faults`` and ``--seed`` ask for.

    Raises:
        UsageError: They make no sense.
    """
    if spec is None:
        if seed is not None:
            raise click.UsageError("--seed draws faults: it needs --faults.")
        return None
    try:
        return parse_faults(spec, seed=seed)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--faults") from None
