"""``loops-async import --resume``: what it goes on with, and what it refuses."""

# ruff: noqa: ASYNC240 - the files are a few lines long

import asyncio
import csv
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from loops_async.sandbox import Fault, Faults, ReceivedRequest, Sandbox, StoredProperty
from loops_async.sandbox.api.contact_properties import ContactPropertyStore
from tests.server.terminal import Finished, ended, loops_async, start, until

pytestmark = pytest.mark.long

UPDATE = "/v1/contacts/update"
RATE = 1000.0
"""Requests per second. Without a limit Loops names none, and ten are assumed: too slow to test."""
ROWS = "email,firstName,lastName\n" + "".join(f"c{n}@example.com,N{n},\n" for n in range(12))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return path


def journal(path: Path) -> Path:
    return path.with_name(path.name + ".journal")


def addresses(sandbox: Sandbox) -> Counter[str | None]:
    bodies = [r.json for r in sandbox.requests if r.path == UPDATE and r.processed]
    return Counter(body.get("email") for body in bodies if isinstance(body, dict))


async def half(sandbox: Sandbox, path: Path, *arguments: str) -> Finished:
    """An import that Loops stops answering in the middle, and that is killed then."""
    stuck = Faults(lambda _: Fault("delay", 60.0) if len(sandbox.contacts) >= 5 else None)
    sandbox.faults = stuck
    process = await start("import", str(path), *arguments, "--concurrency", "1", sandbox=sandbox)
    ending = asyncio.create_task(ended(process))
    await until(lambda: ending.done() or stuck.counts.get("delay", 0) > 0)
    assert not ending.done(), ending.result()
    process.send_signal(signal.SIGKILL)
    sandbox.faults = None
    return await ending


async def resumed(sandbox: Sandbox, path: Path, *arguments: str) -> Finished:
    return await loops_async("import", str(path), *arguments, "--resume", sandbox=sandbox)


async def test_what_is_done_is_not_sent_again_and_the_report_counts_the_whole_file(
    path: Path,
) -> None:
    async with Sandbox(rate=RATE) as sandbox:
        await half(sandbox, path)
        assert len(sandbox.contacts) == 5
        kept = journal(path).read_text()
        done = await resumed(sandbox, path)
        assert done.status == 0, done.err
        assert len(sandbox.contacts) == 12
        assert sum(addresses(sandbox).values()) == 12
    # Nothing of anybody is in the journal.
    assert not any(text in kept for text in ("@", "N1", sandbox.api_key))
    assert "Resuming: 5 of 12 rows are done." in done.err
    assert "12 rows: 12 imported, 0 rejected (5 of these rows were done before)" in done.out


async def test_what_is_complete_is_sent_again_only_on_request(path: Path) -> None:
    async with Sandbox(rate=RATE) as sandbox:
        done = await loops_async("import", str(path), sandbox=sandbox)
        assert done.status == 0, done.err
        again = await resumed(sandbox, path)
        assert again.status == 0, again.err
        assert "--restart sends them all again" in again.err
        assert "12 rows: 12 imported" in again.out
        assert sum(addresses(sandbox).values()) == 12
        anew = await loops_async("import", str(path), sandbox=sandbox)
        assert anew.status == 0, anew.err
        assert sum(addresses(sandbox).values()) == 2 * 12
        with path.open("a") as file:
            file.write(path.read_text().splitlines()[-1].replace("@", "+new@") + "\n")
        other = await resumed(sandbox, path)
        assert other.status == 0, other.err
        assert "another file" in other.err
        assert sum(addresses(sandbox).values()) == 3 * 12 + 1


async def test_of_a_complete_import_it_says_what_was_rejected(path: Path) -> None:
    path.write_text("email\na@example.com\nnobody\nnobody\n")
    async with Sandbox(rate=RATE) as sandbox:
        await loops_async("import", str(path), sandbox=sandbox)
        again = await resumed(sandbox, path)
    assert (
        "1 row of this file had been imported before and 2 rejected; --restart sends them all"
        in again.err
    )


async def test_without_the_option_an_unfinished_import_is_not_forgotten(path: Path) -> None:
    async with Sandbox(rate=RATE) as sandbox:
        await half(sandbox, path)
        refused = await loops_async("import", str(path), sandbox=sandbox)
        assert sum(addresses(sandbox).values()) == 5
        assert journal(path).exists()
        assert refused.status == 2
        assert (
            "5 of 12 rows are done; continue it with --resume, or start over with " in refused.err
        )
        assert f"  loops-async import --resume {path}\n" in refused.err
        anew = await loops_async("import", str(path), "--restart", sandbox=sandbox)
        assert anew.status == 0, anew.err
        assert sum(addresses(sandbox).values()) == 5 + 12


async def test_another_file_or_other_options_are_refused(path: Path) -> None:
    async with Sandbox(rate=RATE) as sandbox:
        await half(sandbox, path)
        path.write_text(ROWS.replace("N11", "Ada"))
        changed = await resumed(sandbox, path)
        path.write_text(ROWS)
        other = await resumed(sandbox, path, "--empty-as-null", "--map", "lastName=")
        assert sum(addresses(sandbox).values()) == 5
        assert (await resumed(sandbox, path)).status == 0
    for refused, said in (
        (changed, "has changed since"),
        (other, "began with a different --map and a different --empty-as-null; continue it"),
        (other, f"start over with --restart. To continue:\n  loops-async import --resume {path}\n"),
    ):
        assert refused.status == 2
        assert said in refused.err
        assert "--restart" in refused.err


async def test_another_team_is_refused(path: Path) -> None:
    async with Sandbox(rate=RATE) as sandbox, Sandbox(rate=RATE, api_key="other") as other:
        await half(sandbox, path)
        refused = await resumed(other, path)
        assert not other.contacts
    assert refused.status == 2
    assert "another API key or --base-url" in refused.err
    assert "test-key" not in refused.err


async def test_two_imports_of_a_file_do_not_share_a_journal(path: Path) -> None:
    async with Sandbox(rate=RATE) as sandbox:
        stuck = Faults(lambda _: Fault("delay", 60.0) if sandbox.contacts else None)
        sandbox.faults = stuck
        process = await start("import", str(path), sandbox=sandbox)
        await until(lambda: stuck.counts.get("delay", 0) > 0)
        for option in ("--resume", "--restart"):
            second = await loops_async("import", str(path), option, sandbox=sandbox)
            assert second.status == 2
            assert "another import is using it" in second.err
        process.send_signal(signal.SIGKILL)
        await ended(process)


async def test_with_nothing_to_go_on_with_it_begins_and_says_so(path: Path) -> None:
    async with Sandbox(rate=RATE) as sandbox:
        done = await resumed(sandbox, path)
        assert len(sandbox.contacts) == 12
    assert done.status == 0
    assert "There is no journal to continue from: importing from the first row." in done.err


async def test_standard_input_has_a_journal_only_where_one_is_asked_for(tmp_path: Path) -> None:
    rows = b"email\na@example.com\n"
    async with Sandbox(rate=RATE) as sandbox:
        refused = await loops_async("import", "-", "--resume", sandbox=sandbox, stdin=rows)
        assert not sandbox.contacts
        place = ["--journal", str(tmp_path / "journal"), "--rejected", str(tmp_path / "rejected")]
        kept = await loops_async("import", "-", "--resume", *place, sandbox=sandbox, stdin=rows)
    assert refused.status == 2
    assert "has no journal" in refused.err
    assert kept.status == 0, kept.err
    assert [file.name for file in tmp_path.iterdir()] == ["journal"]


@pytest.mark.parametrize("option", ["--journal", "--rejected"])
async def test_the_input_is_neither_its_journal_nor_its_rejected_rows(
    path: Path, option: str
) -> None:
    other = os.path.relpath(path)
    env = {"LOOPS_API_KEY": "test-key", "LOOPS_BASE_URL": "http://127.0.0.1:9/api"}
    refused = await loops_async("import", str(path), option, other, env=env)
    assert refused.status == 2
    assert option in refused.err
    assert path.read_text() == ROWS


async def test_a_journal_that_cannot_be_written_is_said_before_anything_is_sent(
    path: Path,
) -> None:
    async with Sandbox(rate=RATE) as sandbox:
        done = await loops_async("import", str(path), "--journal", "/no/such/j", sandbox=sandbox)
        assert sandbox.counts.requests == 0
    assert done.status == 2
    assert '"/no/such/j": cannot be written: No such file or directory' in done.err


async def test_a_row_that_failed_goes_again_and_undoes_no_later_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    lines = [
        "email,userId,firstName",
        "ada@example.com,,early",  # fails
        "bob@example.com,,Bob",
        "ADA@example.com,u1,late",  # the same contact by its address
        ",u1,latest",  # and by its user id
        "cyd@example.com,,Cyd",
    ]
    path.write_text("\n".join(lines) + "\n")
    failing = [True] * 40

    def choose(request: ReceivedRequest) -> str | None:
        # The body is not read when a fault is drawn: the first row is alone with --concurrency 1.
        return "500" if request.path == UPDATE and failing and failing.pop() else None

    async with Sandbox(rate=RATE) as sandbox:
        sandbox.faults = Faults(choose)
        process = await start("import", str(path), "--concurrency", "1", sandbox=sandbox)
        # The row is given up after some attempts; the next ones find Loops in order again.
        await until(lambda: "!0" in text(journal(path)))
        failing.clear()
        first = await ended(process)
        assert first.status == 1
        assert "1 failed" in first.out
        assert "Continue with: loops-async import" in first.err
        assert sandbox.contacts["ada@example.com"].first_name == "latest"
        before = addresses(sandbox)
        done = await resumed(sandbox, path)
        assert done.status == 0, done.err
        assert "5 rows: 5 imported, 0 rejected (2 of these rows were done before)" in done.out
        ada = sandbox.contacts["ada@example.com"]
        assert (ada.first_name, ada.user_id) == ("latest", "u1")
        names = [
            r.json.get("firstName")
            for r in sandbox.requests
            if r.path == UPDATE and r.processed and isinstance(r.json, dict)
        ]
        assert names[-3:] == ["early", "late", "latest"]
        assert addresses(sandbox)["bob@example.com"] == before["bob@example.com"] == 1


def text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


async def test_properties_are_made_once_whatever_they_are_called(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    # Loops keeps teamId for itself, so the new property gets another name, which no later look
    # at the column would find.
    path.write_text("email,teamId\n" + "".join(f"c{n}@example.com,{n}\n" for n in range(12)))
    async with Sandbox(rate=RATE) as sandbox:
        await half(sandbox, path, "--create-properties")
        made = dict(sandbox.properties)
        # The option is in the journal.
        done = await resumed(sandbox, path)
        assert done.status == 0, done.err
        assert f"loops-async import --create-properties --resume {path}\n" in done.err
        assert dict(sandbox.properties) == made
        assert sum(addresses(sandbox).values()) == 12
        assert made.keys() == {"importedTeamId"}
        assert sandbox.contacts["c11@example.com"].properties == {"importedTeamId": 11}


async def test_a_property_that_changed_its_type_meanwhile_is_refused(path: Path) -> None:
    path.write_text("email,plan\n" + "".join(f"c{n}@example.com,{n}\n" for n in range(12)))
    async with Sandbox(rate=RATE, properties=[StoredProperty("plan", "string")]) as sandbox:
        await half(sandbox, path)
        sandbox._team.store(ContactPropertyStore).add(StoredProperty("plan", "number"))
        if sandbox.properties["plan"].type != "number":
            pytest.fail("the sandbox keeps the type")
        refused = await resumed(sandbox, path)
    assert refused.status == 2
    assert "plan was a string when the import began" in refused.err


async def test_a_row_that_was_rejected_before_the_stop_is_pointed_out_too(path: Path) -> None:
    lines = [f"c{n}@example.com,N{n}" for n in range(8)]
    path.write_text("\n".join(["email,seats", "c7@example.com,x", *lines]).replace("N", "") + "\n")
    async with Sandbox(rate=RATE, properties=[StoredProperty("seats", "number")]) as sandbox:
        first = await half(sandbox, path)
        assert "later row" not in first.out
        done = await resumed(sandbox, path)
    assert done.status == 1, done.err
    assert "would undo that update: line 2 by line 10\n" in done.out
    assert "the one rejected then is not named again" in done.out


async def test_rejected_rows_are_mended_and_imported(path: Path) -> None:
    lines = ["email,n", "a@example.com,1", "nobody,2", "b@example.com,3,x", "linus@example.c,4"]
    path.write_text("\n".join(lines) + "\n")
    rejected = path.with_name("rows.csv.rejected.csv")
    async with Sandbox(rate=RATE, properties=[StoredProperty("n", "number")]) as sandbox:
        done = await loops_async("import", str(path), sandbox=sandbox)
        assert done.status == 1
        assert "rows.csv.rejected.csv" in done.out
        with rejected.open(newline="") as file:
            reasons = [row[0] for row in csv.reader(file)]
        assert reasons[0] == "loops_error"
        assert "no @" in reasons[1]
        assert "has 3 cells" in reasons[2]
        assert "Loops said: Invalid email address." in reasons[3]
        mended = rejected.read_text().replace(",b@example.com,3,x", ",b@example.com,3")
        mended = mended.replace("nobody", "nobody@example.com")
        rejected.write_text(mended.replace("example.c,", "example.com,"))
        done = await loops_async("import", str(rejected), sandbox=sandbox)
        assert done.status == 0, done.err
        held = {email: contact.properties for email, contact in sandbox.contacts.items()}
    assert held == {
        "a@example.com": {"n": 1},
        "nobody@example.com": {"n": 2},
        "b@example.com": {"n": 3},
        "linus@example.com": {"n": 4},
    }
    assert not list(path.parent.glob("*.rejected.csv.rejected.csv"))
