"""``loops-async import --dry-run``, ``LOOPS_DRY_RUN`` and the commands that have no use for it."""

import json
from pathlib import Path

import pytest

from loops_async.sandbox import Sandbox
from tests.server.terminal import loops_async

pytestmark = pytest.mark.long

ROWS = "email,plan\nada@example.com,pro\nnobody,pro\nbob@example.com,pro,x\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return path


@pytest.mark.parametrize(("key", "by_variable"), [(None, False), ("test-key", True)])
async def test_a_dry_run_judges_everything_sends_nothing_and_leaves_nothing(
    path: Path, key: str | None, *, by_variable: bool
) -> None:
    async with Sandbox() as sandbox:
        env = {"LOOPS_BASE_URL": sandbox.url}
        env |= {"LOOPS_API_KEY": key} if key else {}
        env |= {"LOOPS_DRY_RUN": "1"} if by_variable else {}
        arguments = ["--create-properties", *([] if by_variable else ["--dry-run"])]
        done = await loops_async("import", str(path), *arguments, env=env)
        assert sandbox.counts.requests == 0
    assert done.status == 1
    assert done.out.splitlines() == [
        "Dry run, nothing was sent. 3 rows: 1 would be sent, 2 rejected",
        '  line 3: column "email" is not an email address: it has no @',
        "  line 4: has 3 cells where the header has 2",
        "Would have been sent: 1 × POST /v1/contacts/properties, 1 × PUT /v1/contacts/update",  # noqa: RUF001
    ]
    assert '"plan": plan (string, by its values)' in done.err
    assert [entry.name for entry in path.parent.iterdir()] == ["rows.csv"]


async def test_for_scripts_it_is_the_document_of_an_import_and_says_that_it_is_none(
    path: Path,
) -> None:
    done = await loops_async("import", str(path), "--dry-run", "--resume", "--json")
    told = json.loads(done.out)
    assert (told["dry_run"], told["applied"], told["rejected"]) == (True, 1, 2)
    assert told["would_send"] == {"PUT /v1/contacts/update": 1}
    assert told["requests"] == 0
    assert "The journal is not read" in done.err


async def test_a_dry_run_of_an_import_that_would_stop_ends_with_that(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("email,userId\nada@example.com,u1\nbob@example.com,u1\n")
    done = await loops_async("import", str(path), "--dry-run")
    assert done.status == 2
    assert done.out.splitlines() == [
        "Dry run, nothing was sent. 2 rows: 2 valid, 0 rejected",
        (
            "An import would stop before the first row (see the error above). "
            "Otherwise 2 rows would be sent, 0 rejected."
        ),
    ]
    told = json.loads((await loops_async("import", str(path), "--dry-run", "--json")).out)
    assert (told["would_stop"], told["would_send"], told["applied"]) == (True, {}, 2)
    assert "--shared-ids" in told["error"]


async def test_a_real_import_says_that_it_was_one_and_no_word_of_its_own_says_otherwise(
    path: Path,
) -> None:
    async with Sandbox(rate=None) as sandbox:
        env = {"LOOPS_DRY_RUN": "no"}
        done = await loops_async(
            "import", str(path), "--ignore-unknown", "--json", sandbox=sandbox, env=env
        )
        assert list(sandbox.contacts) == ["ada@example.com"]
    told = json.loads(done.out)
    assert (told["dry_run"], told["applied"], told["would_send"]) == (False, 1, {})


async def test_a_variable_that_is_neither_yes_nor_no_stops_everything(path: Path) -> None:
    async with Sandbox() as sandbox:
        done = await loops_async(
            "import", str(path), sandbox=sandbox, env={"LOOPS_DRY_RUN": "maybe"}
        )
        assert sandbox.counts.requests == 0
    assert done.status == 2
    assert "LOOPS_DRY_RUN" in done.err


async def test_without_a_key_all_three_ways_out_are_told(path: Path) -> None:
    done = await loops_async("import", str(path))
    assert done.status == 2
    for way_out in ("LOOPS_API_KEY", "--api-key", "--dry-run or LOOPS_DRY_RUN=1"):
        assert way_out in done.err


async def test_validate_does_not_ask_in_a_dry_run(path: Path) -> None:
    async with Sandbox() as sandbox:
        done = await loops_async("validate", str(path), sandbox=sandbox, env={"LOOPS_DRY_RUN": "1"})
        assert sandbox.counts.requests == 0
    assert done.status == 1
    assert "Loops was not asked" in done.out
