"""The demo: the sample export into a sandbox through the real client, and a look at the result."""

import asyncio
from collections.abc import Callable
from importlib.resources import as_file, files

import attrs

from loops_async.api.create_in_doubt import differences
from loops_async.cli.columns import Plan
from loops_async.cli.contacts import contact_fields
from loops_async.cli.importing import Import
from loops_async.cli.progress import progress
from loops_async.cli.refusals import RowRefused
from loops_async.cli.rows import Row
from loops_async.cli.settling import Choices, make_properties, settle_columns
from loops_async.cli.source import Source, open_source, read_rows
from loops_async.cli.survey import survey
from loops_async.cli.talking import Talk
from loops_async.cli.tally import Tally
from loops_async.client import LoopsClient
from loops_async.errors import BadRequest
from loops_async.records._validation import build_record
from loops_async.records.contacts import ContactUpdate
from loops_async.sandbox import Sandbox

RATE = 300.0
"""Requests per second that the demo's sandbox takes; Loops itself takes 10."""


async def demo(talk: Talk) -> bool:
    """Import the sample and read it back; whether Loops then holds what the file said."""
    sample = files("loops_async.cli") / "sample" / "contacts.csv"
    with as_file(sample) as path, open_source(str(path)) as source:
        async with Sandbox(rate=RATE) as sandbox:
            talk.say(f"The sandbox listens at {sandbox.url}, {RATE:g} requests per second.")
            tally = Tally()
            async with LoopsClient(
                sandbox.api_key, base_url=sandbox.url, on_attempt=tally.watch, dry_run=False
            ) as loops:
                plan = await _import(loops, source, tally, talk.say)
                created = len(sandbox.contacts)
                talk.document |= {**tally.document(), "created": created}
                talk.tell(tally.summary(created=created))
                talk.tell(f"(The sandbox takes {RATE:g} requests per second; Loops takes 10.)")
                return await _read_back(loops, _expected(source, plan, tally), talk)


async def _import(
    loops: LoopsClient, source: Source, tally: Tally, say: Callable[[str], None]
) -> Plan:
    found = survey(source)
    tally.total = found.rows + found.rejected
    plan, proposals = await settle_columns(loops, found, Choices(create_properties=True), say)
    await make_properties(loops, proposals, say)
    say(f"Importing {tally.total} rows of the sample export.")
    with progress(tally) as update:
        run = Import(source, plan, tally, update)
        await run.run(loops, concurrency=50)
    return plan


def _expected(source: Source, plan: Plan, tally: Tally) -> dict[str, ContactUpdate | None]:
    """What the file says of each address, its later rows over its earlier ones.

    None stands for an address whose rows were all rejected: there must be no such contact.
    """
    refused = {line for line, _ in tally.rejected.first}
    expected: dict[str, ContactUpdate | None] = {}
    for reading in read_rows(source):
        if not isinstance(reading, Row):
            continue
        try:
            contact = build_record(ContactUpdate, contact_fields(reading, plan))
        except RowRefused:
            continue
        address = str(contact.email).casefold()
        before = expected.get(address)
        if reading.line in refused:
            expected.setdefault(address, None)
        else:
            expected[address] = contact if before is None else _merged(before, contact)
    return expected


def _merged(before: ContactUpdate, after: ContactUpdate) -> ContactUpdate:
    given = {
        field.name: value
        for field in attrs.fields(ContactUpdate)
        if (value := getattr(after, field.name)) is not field.default
    }
    properties = {**before.properties, **after.properties}
    return attrs.evolve(before, **{**given, "properties": properties})


async def _read_back(
    loops: LoopsClient, expected: dict[str, ContactUpdate | None], talk: Talk
) -> bool:
    wrong: list[str] = []
    places = asyncio.Semaphore(20)

    async def look(number: int, address: str, contact: ContactUpdate | None) -> None:
        try:
            async with places:
                held = await loops.contacts.find(email=address)
        except BadRequest:
            # An address that Loops does not take is nobody's.
            held = None
        if contact is None and held is not None:
            wrong.append(f"contact {number}: was rejected and is there all the same")
        elif contact is not None and held is None:
            wrong.append(f"contact {number}: is missing")
        elif contact is not None and held is not None and (names := differences(contact, held)):
            wrong.append(f"contact {number}: differs in {', '.join(names)}")

    async with asyncio.TaskGroup() as tasks:
        for number, (address, contact) in enumerate(expected.items(), 1):
            tasks.create_task(look(number, address, contact))
    contacts = sum(contact is not None for contact in expected.values())
    talk.document |= {"read_back": contacts, "differences": wrong}
    if wrong:
        talk.tell(f"{len(wrong)} of {len(expected)} contacts are not as the file says:")
        talk.tell("\n".join(wrong))
        return False
    talk.tell(
        f"Read {contacts} contacts back with find: what Loops now holds is what the file said."
    )
    return True
