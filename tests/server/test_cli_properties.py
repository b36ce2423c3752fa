"""What ``--create-properties`` makes, and what it would rather ask about."""

import asyncio
import re
from pathlib import Path

import pytest

from loops_async.sandbox import Sandbox
from tests.server.terminal import Finished, loops_async, start

pytestmark = pytest.mark.long

DATES = b"email,joined,plan\na@example.com,01/02/2024,pro\nb@example.com,03/04/2024,free\n"
REMARK = "--date-format DD/MM/YYYY or --date-format MM/DD/YYYY decides"


async def imported(sandbox: Sandbox, rows: bytes, *arguments: str) -> Finished:
    return await loops_async("import", "-", *arguments, sandbox=sandbox, stdin=rows)


async def test_a_column_that_may_be_no_text_stops_it_before_anything_is_made() -> None:
    async with Sandbox(rate=None) as sandbox:
        done = await imported(sandbox, DATES, "--create-properties")
        assert {r.method for r in sandbox.requests} == {"GET"}
        assert not sandbox.properties
    assert done.status == 2
    assert re.search(rf'"joined": .*{REMARK}', done.err)
    assert '--map "joined=joined:string"' in done.err
    assert '"plan"' not in done.err


@pytest.mark.parametrize("declared", ["string", "date"])
async def test_the_type_that_the_user_says_is_made(declared: str) -> None:
    async with Sandbox(rate=None) as sandbox:
        mapping = f"joined=joined:{declared}"
        done = await imported(sandbox, DATES, "--create-properties", "--map", mapping)
        made = {prop.key: prop.type for prop in sandbox.properties.values()}
        held = {c.properties.get("joined") for c in sandbox.contacts.values()}
    if declared == "string":
        assert made == {"joined": declared, "plan": "string"}
        assert done.status == 0, done.err
        assert held == {"01/02/2024", "03/04/2024"}
    else:
        # No row is sent, so no property is needed.
        assert made == {}
        assert "0 imported, 2 rejected" in done.out


async def test_without_the_option_the_remark_is_in_the_list_of_unknown_columns() -> None:
    async with Sandbox(rate=None) as sandbox:
        done = await imported(sandbox, DATES)
    assert done.status == 2
    assert re.search(rf'"joined": joined \(string, by its values\); .*{REMARK}', done.err)
    assert '"plan": plan (string, by its values)\n' in done.err


async def test_a_type_without_the_option_is_refused() -> None:
    async with Sandbox(rate=None) as sandbox:
        done = await imported(sandbox, DATES, "--map", "joined=joined:date")
    assert done.status == 2
    assert "add --create-properties" in done.err


async def test_lists_and_objects_are_refused_and_go_out_only_where_that_is_said(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(
        b'{"email": "a@example.com", "tags": ["x"]}\n{"email": "b@example.com", "tags": {}}\n'
    )
    said = '"tags", first on line 1; --map "tags=" leaves it out'
    async with Sandbox(rate=None) as sandbox:
        for arguments in (["import"], ["validate"], ["validate", "--offline"]):
            command, *more = (*arguments, "--create-properties")
            refused = await loops_async(command, str(path), *more, sandbox=sandbox)
            assert (refused.status, said in refused.err) == (2, True), refused.err
            assert "with --create-properties" not in refused.err
        assert not sandbox.contacts
        assert not sandbox.properties
        done = await loops_async("import", str(path), "--ignore-unknown", sandbox=sandbox)
        assert set(sandbox.contacts) == {"a@example.com", "b@example.com"}
    assert (
        'left out: "tags" (it contains lists or objects, which a property cannot hold)' in done.err
    )
    assert done.status == 0


async def test_the_same_import_makes_no_property_twice_with_or_without_the_option(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("email,Notes,Id,joined\na@example.com,x,7,2024-01-17\nnobody,y,8,\n")
    mapped = ("--map", "joined=signupDate:date")
    async with Sandbox(rate=None) as sandbox:
        first = await loops_async(
            "import", str(path), "--create-properties", *mapped, sandbox=sandbox
        )
        made = {prop.key: prop.type for prop in sandbox.properties.values()}
        again = await loops_async(
            "import", str(path), "--create-properties", *mapped, sandbox=sandbox
        )
        rejected = path.with_name("rows.csv.rejected.csv")
        rejected.write_text(rejected.read_text().replace("nobody", "b@example.com"))
        mended = await loops_async("import", str(rejected), *mapped, sandbox=sandbox)
        assert {prop.key: prop.type for prop in sandbox.properties.values()} == made
        held = sandbox.contacts["b@example.com"].properties
    assert made == {"importedNotes": "string", "importedId": "number", "signupDate": "date"}
    assert held == {"importedNotes": "y", "importedId": 8}
    assert (first.status, again.status, mended.status) == (1, 1, 0), again.err + mended.err
    for done in (first, again, mended):
        assert 'column "Notes" → importedNotes (notes is Loops\' own field)\n' in done.err


async def test_an_empty_column_stops_nothing_and_is_said_to_be_left_out() -> None:
    async with Sandbox(rate=None) as sandbox:
        done = await imported(sandbox, b"email,\na@example.com,\n")
        also = await imported(sandbox, b"email,,plan\na@example.com,,pro\n")
        assert set(sandbox.contacts) == {"a@example.com"}
    assert done.status == 0, done.err
    assert 'left out: "column 2" (it is empty)\n' in done.err
    assert also.status == 2
    assert '"plan"' in also.err
    assert "column 2" not in also.err


async def test_a_stray_value_that_looks_like_something_stops_nothing() -> None:
    async with Sandbox(rate=None) as sandbox:
        rows = b"email,plan\na@example.com,y\nb@example.com,pro\n"
        done = await imported(sandbox, rows, "--create-properties")
    assert done.status == 0, done.err


async def test_a_column_left_out_for_being_empty_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("email,phone,note\na@example.com,,x\n")
    async with Sandbox(rate=None) as sandbox:
        done = await loops_async(
            *("import", str(path), "--create-properties", "--map", "note="), sandbox=sandbox
        )
    assert 'left out: "note", "phone" (it is empty)\n' in done.err
    assert "1 row: 1 imported" in done.out


async def test_a_missing_key_is_asked_for_in_the_words_of_a_command_line() -> None:
    done = await loops_async("import", "-", stdin=b"email\na@example.com\n")
    assert done.status == 2
    assert done.err == (
        "Error: no API key: set LOOPS_API_KEY (create a key in Loops under Settings → API), or "
        "pass --api-key; or send nothing, with --dry-run or LOOPS_DRY_RUN=1\n"
    )


async def test_nobody_types_a_file_to_be_told_at_its_end_that_there_is_no_key() -> None:
    process = await start("import", "-", stdin=asyncio.subprocess.PIPE)
    async with asyncio.timeout(30):
        # Its standard input is open and empty all the while.
        assert await process.wait() == 2
    assert process.stderr is not None
    assert b"no API key" in await process.stderr.read()
    await process.communicate()
