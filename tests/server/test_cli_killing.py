"""``loops-async import``, killed with SIGKILL at random moments and resumed until it is through."""

import asyncio
import contextlib
import csv
import random
import re
import signal
from collections import Counter
from pathlib import Path

import pytest

from loops_async.sandbox import Sandbox, StoredProperty
from tests.server.terminal import Finished, ended, start, until

CONCURRENCY = 5
RECORD = re.compile(rb"^[+-](\d+)(?: .*)?\n", re.MULTILINE)
PROPERTIES = (StoredProperty("row", "number"), StoredProperty("even", "number"))


def write(path: Path, rows: int, lot: random.Random) -> dict[str, dict[str, int]]:
    """A file in which contacts come again and rows are wrong; what Loops must hold in the end."""
    held: dict[str, dict[str, int]] = {}
    lines = ["email,row,even"]
    for row in range(rows):
        if row % 23 == 11:
            lines.append(f"nobody{row},{row},")  # the file's fault
        elif row % 23 == 19:
            lines.append(f"linus{row}@example.c,{row},")  # Loops refuses it
        else:
            address = f"c{lot.randrange(rows // 2)}@example.com"
            even = str(row) if row % 2 == 0 else ""
            lines.append(f"{address},{row},{even}")
            held.setdefault(address, {})["row"] = row
            if even:
                held[address]["even"] = row
    path.write_text("\n".join(lines) + "\n")
    return held


def sent(sandbox: Sandbox, since: int = 0) -> Counter[int]:
    """How often each row reached Loops, by the number that is in it."""
    requests = [
        request.json
        for request in sandbox.requests[since:]
        if request.path == "/v1/contacts/update" and request.status != 429
    ]
    return Counter(int(body["row"]) for body in requests if isinstance(body, dict))


def finished(journal: Path) -> set[int]:
    """The rows that the journal says are over."""
    if not journal.exists():
        return set()
    return {int(row) for row in RECORD.findall(journal.read_bytes())}


async def killed(sandbox: Sandbox, path: Path, requests: int, after: float) -> Finished:
    """Import until some more ``requests`` have come and some seconds, then kill.

    A request counts as soon as it arrives, so that the kill may come before its answer does.
    """
    want = sandbox.counts.requests + requests
    process = await start(
        *("import", str(path), "--resume", "--concurrency", str(CONCURRENCY)), sandbox=sandbox
    )
    ending = asyncio.create_task(ended(process))
    await until(lambda: ending.done() or sandbox.counts.requests >= want)
    await asyncio.sleep(after)
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    return await ending


@pytest.mark.parametrize(
    ("kills", "rows", "seed"),
    [(6, 240, 4), pytest.param(60, 3_000, 5, marks=[pytest.mark.chaos, pytest.mark.timeout(600)])],
)
async def test_an_import_that_is_killed_at_any_moment_loses_nothing_and_repeats_little(
    tmp_path: Path, kills: int, rows: int, seed: int
) -> None:
    lot = random.Random(seed)  # noqa: S311 - moments, not secrets
    path = tmp_path / "contacts.csv"
    journal = tmp_path / "contacts.csv.journal"
    held = write(path, rows, lot)
    died = 0
    async with Sandbox(rate=300, properties=PROPERTIES, keep_requests=100_000) as sandbox:
        while True:
            over, before, since = finished(journal), sent(sandbox), len(sandbox.requests)
            # The first request asks for the properties: from before anything is sent, on.
            requests = lot.randrange(2 * rows // kills) if died < kills else 10 * rows
            done = await killed(sandbox, path, requests, lot.uniform(0, 0.03))
            now = sent(sandbox, since)
            assert not over & now.keys(), "a finished row was sent again"
            assert sum(now.values()) == len(now)
            assert len(before.keys() & now.keys()) <= CONCURRENCY
            if done.status != -signal.SIGKILL:
                break
            died += 1
        counts = sent(sandbox)
        loops_holds = {email: dict(c.properties) for email, c in sandbox.contacts.items()}
    assert died >= kills // 2, "the kills came too late to prove anything"
    assert loops_holds == held
    wrong_in_file = {row for row in range(rows) if row % 23 == 11}
    assert counts.keys() == set(range(rows)) - wrong_in_file
    assert sum(counts.values()) - len(counts) <= CONCURRENCY * died
    rejected = [row for row in range(rows) if row % 23 in (11, 19)]
    assert f"{rows} rows: {rows - len(rejected)} imported, {len(rejected)} rejected" in done.out
    assert done.status == 1
    with (tmp_path / "contacts.csv.rejected.csv").open(newline="") as written:
        found = list(csv.DictReader(written))
    assert sorted(int(row["row"]) for row in found) == rejected
    assert all(row["loops_error"] for row in found)
    assert finished(journal) == set(range(rows))
