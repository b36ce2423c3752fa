"""What ``--create-properties`` makes, and what it would rather ask about."""

from pathlib import Path

import pytest

from loops_async.sandbox import Sandbox
from tests.server.terminal import Finished, loops_async

DATES = b"email,joined,plan\na@example.com,01/02/2024,pro\nb@example.com,03/04/2024,free\n"
REMARK = "2 of 2 values look like dates; write them as YYYY-MM-DD to get a date"


async def imported(sandbox: Sandbox, rows: bytes, *arguments: str) -> Finished:
    return await loops_async("import", "-", *arguments, sandbox=sandbox, stdin=rows)


async def test_a_column_that_may_be_no_text_stops_it_before_anything_is_made() -> None:
    async with Sandbox(rate=None) as sandbox:
        done = await imported(sandbox, DATES, "--create-properties")
        assert {r.method for r in sandbox.requests} == {"GET"}
        assert not sandbox.properties
    assert done.status == 2
    assert f'"joined": {REMARK}' in done.err
    assert '--map "joined=joined:string"' in done.err
    assert '"plan"' not in done.err


@pytest.mark.parametrize("declared", ["string", "date"])
async def test_the_type_that_the_user_says_is_made(declared: str) -> None:
    async with Sandbox(rate=None) as sandbox:
        mapping = f"joined=joined:{declared}"
        done = await imported(sandbox, DATES, "--create-properties", "--map", mapping)
        made = {prop.key: prop.type for prop in sandbox.properties.values()}
        held = {c.properties.get("joined") for c in sandbox.contacts.values()}
    assert made == {"joined": declared, "plan": "string"}
    if declared == "string":
        assert done.status == 0, done.err
        assert held == {"01/02/2024", "03/04/2024"}
    else:
        assert "0 applied, 2 rejected" in done.out


async def test_without_the_option_the_remark_is_in_the_list_of_unknown_columns() -> None:
    async with Sandbox(rate=None) as sandbox:
        done = await imported(sandbox, DATES)
    assert done.status == 2
    assert f'"joined": joined (string, by its values); {REMARK}' in done.err
    assert '"plan": plan (string, by its values)\n' in done.err


async def test_a_type_without_the_option_is_refused() -> None:
    async with Sandbox(rate=None) as sandbox:
        done = await imported(sandbox, DATES, "--map", "joined=joined:date")
    assert done.status == 2
    assert "add --create-properties" in done.err


async def test_lists_and_objects_get_no_property_and_their_rows_go_in() -> None:
    rows = b'{"email": "a@example.com", "tags": ["x"]}\n{"email": "b@example.com", "tags": {}}\n'
    said = "holds lists or objects, which no property can"
    async with Sandbox(rate=None) as sandbox:
        asked = await imported(sandbox, rows)
        assert not sandbox.contacts
        done = await imported(sandbox, rows, "--create-properties")
        assert not sandbox.properties
        assert set(sandbox.contacts) == {"a@example.com", "b@example.com"}
    assert f'"tags": {said}' in asked.err
    assert f'left out: "tags" ({said})' in done.err
    assert done.status == 0


async def test_a_column_left_out_for_being_empty_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("email,phone,note\na@example.com,,x\n")
    async with Sandbox(rate=None) as sandbox:
        done = await loops_async(
            *("import", str(path), "--create-properties", "--map", "note="), sandbox=sandbox
        )
    assert 'left out: "note", "phone" (it is empty)\n' in done.err
    assert "1 row: 1 applied" in done.out


async def test_a_missing_key_is_asked_for_in_the_words_of_a_command_line() -> None:
    done = await loops_async("import", "-", stdin=b"email\na@example.com\n")
    assert done.status == 2
    assert done.err == (
        "Error: no API key: set LOOPS_API_KEY (keys are made in Loops under Settings → API), or "
        "pass --api-key; or send nothing, with --dry-run or LOOPS_DRY_RUN=1\n"
    )
