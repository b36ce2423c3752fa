"""The sandbox as a server of its own, with the faults that it was asked for."""

import difflib
import re

import click

from loops_async.cli.talking import Talk, print_json
from loops_async.sandbox import FAULT_KINDS, Faults, Sandbox, parse_faults


async def serve(sandbox: Sandbox, talk: Talk) -> bool:
    """Serve until cancelled; False where it could not even begin."""
    try:
        await sandbox.start()
    except OSError as error:
        talk.fail(f"cannot listen ({error.strerror}); try another --port or --host")
        return False
    seed = sandbox.faults.seed if sandbox.faults is not None else None
    if talk.as_json:
        # Now: a script cannot wait for the end of a server. It ends with its exit status alone.
        print_json(
            {
                "command": "sandbox",
                "url": sandbox.url,
                "api_key": sandbox.api_key,
                "seed": seed,
            }
        )
        talk.as_json = False
    talk.say(
        f"A sandbox Loops listens at {sandbox.url} with the key {sandbox.api_key!r}. "
        "Ctrl-C stops it."
    )
    if seed is not None:
        talk.say(f"Its faults are drawn with --seed {seed}.")
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
        raise click.BadParameter(_shortened(str(error)), param_hint="--faults") from None


def _shortened(problem: str) -> str:
    """``problem`` with the one kind of fault that was probably meant in place of all of them."""
    families = {kind.family for kind in FAULT_KINDS.values()}
    found = re.search(r"there is no fault '(.+?)'", problem)
    close = difflib.get_close_matches(found[1], [*FAULT_KINDS, *families, "ok"], 1) if found else ()
    if not found or not close:
        return problem
    return f"{problem[: found.end()]}; did you mean {close[0]!r}?"
