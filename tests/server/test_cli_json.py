"""``--json``: one document on standard output, with the fields that docs/cli.md lists."""

# ruff: noqa: ASYNC240 - the files are a few lines long

import asyncio
import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from loops_async.sandbox import Fault, Faults, Sandbox
from tests.server.terminal import Finished, ended, loops_async, start, until

pytestmark = pytest.mark.long

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def listed(command: str) -> set[str]:
    """The fields that the page lists for ``command``, those of every command included."""
    names: set[str] = set()
    for heading in ("every command", f"`{command}`"):
        table = PAGE.partition(f"\n### {heading}\n")[2].partition("\n#")[0]
        names.update(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    return names


def document(done: Finished) -> dict[str, Any]:
    """The one document, which is all that is there."""
    assert done.out.count("\n") == 1
    told: dict[str, Any] = json.loads(done.out)
    assert told["exit_status"] == done.status
    return told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("email,ïd\nada@example.com,1\nnobody,2\nlinus@example.c,3\n", "utf-8")
    return path


async def test_an_import_tells_what_it_did(path: Path) -> None:
    async with Sandbox(rate=None) as sandbox:
        done = await loops_async(
            "import",
            str(path),
            "--create-properties",
            "--json",
            sandbox=sandbox,
            # JSON is read by programs, whatever a terminal can show.
            env={"PYTHONIOENCODING": "ascii"},
        )
        requests = sandbox.counts.requests
    told = document(done)
    assert set(told) == listed("import")
    assert (done.status, told["error"]) == (1, None)
    assert (told["rows"], told["applied"], told["rejected"], told["failed"]) == (3, 1, 2, 0)
    assert (told["not_done"], told["done_before"], told["resume"]) == (0, 0, None)
    assert told["reasons"] == [
        {
            "line": 3,
            "outcome": "rejected",
            "reason": 'column "email" is not an email address: it has no @',
        },
        {"line": 4, "outcome": "rejected", "reason": "Loops said: Invalid email address."},
    ]
    assert told["columns"] == [
        {"column": "email", "target": "email", "type": "string"},
        {"column": "ïd", "target": "importedId", "type": "number"},
    ]
    assert [new["property"] for new in told["new_properties"]] == ["importedId"]
    assert told["rejected_file"] == f"{path}.rejected.csv"
    assert told["requests"] == requests
    assert told["seconds"] > 0
    assert "nobody" not in done.out
    # People are told all the same.
    assert "3 rows: 1 imported, 2 rejected" in done.err


async def test_an_import_that_is_stopped_tells_how_far_it_came(path: Path) -> None:
    path.write_text("email\n" + "".join(f"c{n}@example.com\n" for n in range(9)))
    async with Sandbox(rate=None) as sandbox:
        slow = Faults(lambda _: Fault("delay", 0.3) if len(sandbox.contacts) >= 3 else None)
        sandbox.faults = slow
        arguments = ("--concurrency", "1", "--json")
        process = await start("import", str(path), *arguments, sandbox=sandbox)
        ending = asyncio.create_task(ended(process))
        await until(lambda: slow.counts.get("delay", 0) > 0)
        process.send_signal(signal.SIGTERM)
        told = document(await ending)
        assert told["applied"] == len(sandbox.contacts)
    assert told["exit_status"] == 143
    assert told["error"] == "stopped by a signal"
    assert told["applied"] + told["not_done"] == 9
    assert told["not_done"] > 0
    assert told["resume"] == f"loops-async import --concurrency=1 --resume {path}"


async def test_what_stops_it_is_in_the_document(path: Path) -> None:
    async with Sandbox(rate=None) as sandbox:
        unknown = document(await loops_async("import", str(path), "--json", sandbox=sandbox))
        wrong = await loops_async(
            "validate", str(path), "--json", sandbox=sandbox, env={"LOOPS_API_KEY": "wrong"}
        )
    assert unknown["exit_status"] == 2
    assert unknown["error"].startswith("Loops does not have contact properties for these columns")
    assert document(wrong)["exit_status"] == 3
    assert "Loops rejected the API key" in wrong.err


async def test_the_other_documents_have_the_fields_that_are_listed(path: Path) -> None:
    async with Sandbox(rate=None) as sandbox:
        for arguments in (["check"], ["validate", str(path), "--ignore-unknown"]):
            told = document(await loops_async(*arguments, "--json", sandbox=sandbox))
            assert set(told) == listed(arguments[0])
    offline = document(await loops_async("validate", str(path), "--json"))
    assert set(offline) == listed("validate")
    assert offline["reasons"][0]["line"] == 3
    rehearsed = document(await loops_async("import", str(path), "--dry-run", "--json"))
    assert set(rehearsed) == listed("import")


async def test_the_demo_has_its_own_loops_whatever_the_environment_is_set_up_for() -> None:
    env = {"LOOPS_DRY_RUN": "1", "LOOPS_ALLOWED_RECIPIENTS": "@example.net", "LOOPS_API_KEY": "k"}
    done = await loops_async("demo", "--json", env=env)
    told = document(done)
    assert set(told) == listed("demo")
    assert done.status == 0, done.err
    assert (told["applied"], told["rejected"], told["read_back"]) == (298, 2, 293)
    assert told["differences"] == []


async def test_the_sandbox_tells_where_it_is_at_once() -> None:
    process = await start("sandbox", "--port", "0", "--faults", "rate=0.1", "--json")
    assert process.stdout is not None
    told = json.loads(await process.stdout.readline())
    assert set(told) == listed("sandbox") - {"exit_status", "error"}
    assert told["api_key"] == "test-key"
    assert isinstance(told["seed"], int)
    checked = await loops_async(
        "check", env={"LOOPS_API_KEY": told["api_key"], "LOOPS_BASE_URL": told["url"]}
    )
    assert checked.status == 0, checked.err
    process.send_signal(signal.SIGTERM)
    done = await ended(process)
    assert (done.status, done.out) == (143, "")
