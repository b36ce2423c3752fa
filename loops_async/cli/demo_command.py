"""``loops-async demo``: the sample export into a sandbox through the real client, and back."""

import asyncio
import os
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING, Final

import click

from loops_async.cli.console import Console
from loops_async.cli.options import json_option
from loops_async.cli.runner import DONE, INCOMPLETE, run, stoppable

if TYPE_CHECKING:
    from loops_async.client import LoopsClient
    from loops_async.importer import ImportEvent, ImportReport, InputFile
    from loops_async.records.contacts import ContactUpdate

_RATE: Final = 300.0
"""Requests per second that the demo's sandbox takes; Loops itself takes 10."""

_FIELDS: Final = (
    *("rows", "applied", "rejected", "failed", "not_done", "done_before", "reasons"),
    *("requests", "rate_limited", "seconds", "created"),
)
"""The fields of an import's report that the JSON document has."""


@click.command()
@json_option
def demo(*, as_json: bool) -> None:
    """Import a sample into a local sandbox.

    The sample is an export of 300 rows, which is then read back and compared.
    Needs no account and no network.

    \b
    Example:
      loops-async demo

    \b
    Exit status: 0 the contacts are as in the file, 1 they are not,
    130 interrupted, 143 terminated.
    """  # noqa: D301 - \b is click's mark for text to leave as it is
    console = Console("demo", as_json)
    # It is meant for real accounts; the sandbox sends no mail.
    os.environ.pop("LOOPS_ALLOWED_RECIPIENTS", None)
    run(console, lambda: asyncio.run(_demo(console)))


async def _demo(console: Console) -> int:
    from loops_async.cli.rendering import ImportScreen, summarize  # noqa: PLC0415
    from loops_async.client import LoopsClient  # noqa: PLC0415
    from loops_async.importer import (  # noqa: PLC0415
        ImportFinished,
        ImportOptions,
        ImportStarted,
        import_file,
        open_input,
    )
    from loops_async.sandbox import Sandbox  # noqa: PLC0415

    sample = (files("loops_async.cli") / "sample" / "contacts.csv").read_bytes()
    screen = ImportScreen(console, "contacts.csv")

    def show(event: "ImportEvent") -> None:
        if isinstance(event, ImportStarted):
            console.log(f"Importing {event.rows} rows of the sample export.")
        if isinstance(event, ImportFinished):
            screen.close()
        else:
            screen.show(event)

    with stoppable(), open_input("contacts.csv", BytesIO(sample)) as source:
        async with (
            Sandbox(rate=_RATE) as sandbox,
            LoopsClient(sandbox.api_key, base_url=sandbox.url, dry_run=False) as loops,
        ):
            console.log(f"The sandbox listens at {sandbox.url}, {_RATE:g} requests per second.")
            options = ImportOptions(create_properties=True)
            report = await import_file(loops, source, options, on_progress=show)
            created = len(sandbox.contacts)
            document = report.as_dict() | {"created": created}
            console.document = {key: document[key] for key in _FIELDS}
            for line in summarize(report, created=created):
                console.print(line)
            console.print(f"(The sandbox takes {_RATE:g} requests per second; Loops takes 10.)")
            return await _read_back(console, loops, _expected(source, report))


def _expected(source: "InputFile", report: "ImportReport") -> "dict[str, ContactUpdate | None]":
    """The contact that the file describes for each address; later rows override earlier ones.

    None stands for an address whose rows were all rejected: there must be no such contact.
    """
    import attrs  # noqa: PLC0415

    from loops_async.importer.errors import RowRefused  # noqa: PLC0415
    from loops_async.importer.row_to_contact import row_to_contact  # noqa: PLC0415

    rejected = {line for line, _ in report.rejected.first}
    expected: dict[str, ContactUpdate | None] = {}
    for row in source.rows():
        try:
            contact = row_to_contact(row, report.plan.columns)
        except RowRefused:
            continue
        address = str(contact.email).casefold()
        if row.line in rejected:
            expected.setdefault(address, None)
        elif (before := expected.get(address)) is None:
            expected[address] = contact
        else:
            given = {a.name: getattr(contact, a.name) for a in attrs.fields(type(contact))
                     if getattr(contact, a.name) is not a.default}  # fmt: skip
            given["properties"] = {**before.properties, **contact.properties}
            expected[address] = attrs.evolve(before, **given)
    return expected


async def _read_back(
    console: Console, loops: "LoopsClient", expected: "dict[str, ContactUpdate | None]"
) -> int:
    from loops_async.api.create_in_doubt import differences  # noqa: PLC0415
    from loops_async.errors import BadRequest  # noqa: PLC0415

    wrong: list[str] = []
    slots = asyncio.Semaphore(20)

    async def compare(number: int, address: str, contact: "ContactUpdate | None") -> None:
        try:
            async with slots:
                found = await loops.contacts.find(email=address)
        except BadRequest:
            # No contact has an address that Loops does not accept.
            found = None
        if contact is None and found is not None:
            wrong.append(f"contact {number}: was rejected, but exists")
        elif contact is not None and found is None:
            wrong.append(f"contact {number}: is missing")
        elif contact is not None and found is not None and (names := differences(contact, found)):
            wrong.append(f"contact {number}: differs in {', '.join(names)}")

    async with asyncio.TaskGroup() as tasks:
        for number, (address, contact) in enumerate(expected.items(), 1):
            tasks.create_task(compare(number, address, contact))
    contacts = sum(contact is not None for contact in expected.values())
    console.document |= {"read_back": contacts, "differences": wrong}
    if wrong:
        console.print(f"{len(wrong)} of {len(expected)} contacts are not as in the file:")
        console.print("\n".join(wrong))
        return INCOMPLETE
    console.print(f"Read {contacts} contacts back with find: they are as in the file.")
    return DONE
