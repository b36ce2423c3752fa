"""``loops-async validate``: what it says of a file, and that an import says the same."""

# ruff: noqa: ASYNC240 - the files are a few lines long

import asyncio
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loops_async import LoopsClient
from loops_async.importer import (
    Account,
    ImportOptions,
    ImportRefused,
    ImportReport,
    import_file,
    load_account,
    validate_file,
)
from loops_async.sandbox import Sandbox, StoredProperty
from loops_async.testing.threaded import ThreadedSandbox
from tests.server.terminal import Finished, loops_async

pytestmark = pytest.mark.long

ROWS = """\
Email,Joined,Seats
ada@example.com,2024-01-17,3
grace,2024-02-30,many
alan@example.com,,
bob@example.com,1 May,,x
ADA@example.com,2024-01-18,4
"""
PROPERTIES = (StoredProperty("joined", "date"), StoredProperty("seats", "number"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return path


async def validated(path: Path, *arguments: str, sandbox: Sandbox | None = None) -> Finished:
    done = await loops_async("validate", str(path), *arguments, sandbox=sandbox)
    assert "Traceback" not in done.err
    # It has written nothing.
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    return done


async def test_every_row_that_import_would_refuse_is_named_with_its_line(path: Path) -> None:
    async with Sandbox(properties=PROPERTIES, rate=None) as sandbox:
        done = await validated(path, sandbox=sandbox)
        assert {r.method for r in sandbox.requests} == {"GET"}
        assert not sandbox.contacts
    assert done.status == 1
    assert done.out.splitlines() == [
        "5 rows: 3 valid, 2 rejected",
        (
            '  line 3: column "Email" is not an email address: it has no @; column "Joined" is a '
            'date or time that does not exist; column "Seats" is not a number such as 42 or 3.14'
        ),
        "  line 5: has 4 cells where the header has 3",
        "1 row has the same contact as an earlier row (line 6 after line 2); the later row wins.",
    ]
    assert "grace" not in done.out + done.err


async def test_columns_that_stop_an_import_are_told_with_the_rows(path: Path) -> None:
    async with Sandbox(properties=PROPERTIES[:1], rate=None) as sandbox:
        done = await validated(path, sandbox=sandbox)
        with_it = await validated(path, "--map", "Seats=", "--json", sandbox=sandbox)
    assert done.status == 2
    assert '"Seats": seats (string, by its values)' in done.err
    # It never would have sent anything, and judges rows at no pace of Loops'.
    assert "nothing was sent" not in done.err
    assert "rows/s" not in done.err
    assert "line 5: has 4 cells" in done.out
    assert done.out.splitlines()[-1] == (
        "An import would stop before the first row (see the error above). "
        "Otherwise 3 rows would be sent, 2 rejected."
    )
    told = json.loads(with_it.out)
    assert (told["exit_status"], told["rejected"], told["error"]) == (1, 2, None)
    assert told["left_out"] == ["Seats"]
    assert told["would_stop"] is False


async def test_rows_of_people_who_opted_out_are_counted(path: Path) -> None:
    path.write_text("email,unsubscribed\nada@example.com,false\nbo@example.com,true\n")
    some = await validated(path)
    skipping = await validated(path, "--opted-out", "skip")
    told = json.loads((await validated(path, "--opted-out", "skip", "--json")).out)
    stopping = json.loads((await validated(path, "--json")).out)
    assert (some.status, skipping.status) == (2, 0)
    assert "Otherwise 2 rows would be sent, 0 rejected." in some.out
    assert "2 rows: 1 valid, 0 rejected, 1 left out because they opted out\n" in skipping.out
    assert (told["valid"], told["skipped"], told["would_stop"]) == (1, 1, False)
    assert (stopping["valid"], stopping["skipped"], stopping["would_stop"]) == (2, 0, True)
    assert "--opted-out" in stopping["error"]


async def test_it_tells_what_would_be_made_and_makes_nothing(path: Path) -> None:
    async with Sandbox(rate=None) as sandbox:
        done = await validated(
            path, "--create-properties", "--map", "Seats=places:number", sandbox=sandbox
        )
        assert not sandbox.properties
    assert done.status == 2  # the import would stop, for a third of the dates are no dates
    assert "Loops never changes the type of a property." in done.err
    path.write_text("email,joined\nada@example.com,2024-01-17\n")
    async with Sandbox(rate=None) as sandbox:
        done = await validated(path, "--create-properties", sandbox=sandbox)
        assert not sandbox.properties
    assert done.status == 0
    assert 'import would create the date property joined for "joined"' in done.err
    assert done.out == "1 row: 1 valid, 0 rejected\n"


@pytest.mark.parametrize("arguments", [[], ["--offline"]])
async def test_without_a_key_or_offline_the_file_is_judged_by_itself(
    path: Path, arguments: list[str]
) -> None:
    async with Sandbox(properties=PROPERTIES, rate=None) as sandbox:
        done = await validated(path, *arguments, sandbox=sandbox if arguments else None)
        assert sandbox.counts.requests == 0
    assert done.status == 1
    assert "5 rows: 3 valid, 2 rejected" in done.out
    # Only an account can say that these are no strings.
    assert 'line 3: column "Email" is not an email address: it has no @\n' in done.out
    assert '"Seats": seats (string, by its values)' in done.err
    assert "Loops was not asked" in done.out
    assert ("set LOOPS_API_KEY" in done.out) is not bool(arguments)


async def test_no_more_rows_are_named_than_one_reads_unless_all_are_wanted(path: Path) -> None:
    path.write_text("email\n" + "nobody\n" * 30)
    some = await validated(path)
    every = await validated(path, "--all")
    assert (some.status, every.status) == (1, 1)
    assert some.out.count("no @") == 20
    assert "  … and 10 more\n" in some.out
    assert every.out.count("no @") == 30
    assert "more\n" not in every.out


async def test_a_file_that_cannot_work_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text('email\n"ada@example.com\n')
    open_quote = await validated(path, "--json")
    path.write_text("name\nAda\n")
    nobody = await validated(path)
    assert (open_quote.status, nobody.status) == (2, 2)
    assert "line 2: this row opens a quote that is never closed" in open_quote.err
    assert json.loads(open_quote.out)["error"].endswith("a quote that is never closed")
    assert "no column holds email addresses" in nobody.err


async def test_a_mistyped_file_is_met_with_the_one_that_was_meant(path: Path) -> None:
    path.with_name("another person.txt").touch()
    done = await loops_async("validate", str(path.with_name("Row.csv")))
    assert done.status == 2
    assert f'did you mean "{path}"?' in done.err
    assert "another person" not in done.err
    away = await loops_async("validate", str(path.parent / "nowhere" / "rows.csv"))
    assert away.status == 2
    assert f'check the folder "{path.parent / "nowhere"}"' in away.err


async def test_a_recipient_that_safe_mode_does_not_allow_is_a_row_that_import_refuses(
    path: Path,
) -> None:
    path.write_text("email,firstName\nada@example.com,Ada\nbob@example.net,Bob\n")
    safe = {"LOOPS_ALLOWED_RECIPIENTS": "@example.com"}
    async with Sandbox(rate=None) as sandbox:
        foretold = await loops_async("validate", str(path), sandbox=sandbox, env=safe)
        done = await loops_async("import", str(path), sandbox=sandbox, env=safe)
        assert list(sandbox.contacts) == ["ada@example.com"]
    assert (foretold.status, done.status) == (1, 1)
    assert "2 rows: 1 valid, 1 rejected" in foretold.out
    assert "2 rows: 1 imported, 1 rejected" in done.out
    for said in (foretold.out, done.out):
        assert "line 3: PUT /v1/contacts/update: not sent" in said
    rejected = path.with_name("rows.csv.rejected.csv").read_text()
    assert ",bob@example.net,Bob\n" in rejected
    assert "LOOPS_ALLOWED_RECIPIENTS" in rejected


ADDRESSES = st.sampled_from(
    [
        *("ada@example.com", "ADA@example.com", "bob@example.com") * 2,
        "nobody",
        "a@b@c",
        "a\x00@b.c",
        "",
    ]
)
FITTING = {
    "userId": ["u1", "42", "x" * 600],
    "subscribed": ["yes", "FALSE"],
    "joined": ["2024-01-17", "17 Jan 2024"],
    "seats": ["42", "3.5", ""],
    "vip": ["no", ""],
}
OTHERS = [*FITTING, "firstName", "new", "none"]
ANYTHING = ["", " ", "1,5", "1e400", "maybe", "01/02/2024", "Zoë", "😀", "a\tb", '"', "text"]
FLAGS: list[dict[str, Any]] = [
    {"ignore_unknown": True},
    {"create_properties": True},
    {"empty_as_null": True, "ignore_unknown": True},
    {"mappings": ("{}=",)},
    {"mappings": ("{}=label",), "ignore_unknown": True},
    {"mappings": ("{}=seats",), "ignore_unknown": True},
    {"mappings": ("{}=fresh:string",), "create_properties": True},
    {},
]
"""Options; ``{}`` is the last column."""


@st.composite
def files(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """Columns and rows, most of them good."""
    columns = draw(st.lists(st.sampled_from(OTHERS), max_size=3, unique=True))
    if not columns or draw(st.integers(0, 9)):
        columns.insert(0, "email")
    rows = []
    for _ in range(draw(st.integers(1, 6))):
        row = []
        for column in columns:
            fitting = st.sampled_from(FITTING.get(column, ANYTHING))
            cells = ADDRESSES if column == "email" else fitting
            row.append(draw(cells if draw(st.integers(0, 4)) else st.sampled_from(ANYTHING)))
        # Now and then a row has a cell too few.
        rows.append(row if draw(st.integers(0, 9)) else row[1:])
    return columns, rows


async def imported(sandbox: ThreadedSandbox, path: Path, options: ImportOptions) -> ImportReport:
    async with LoopsClient(sandbox.api_key, base_url=sandbox.url) as loops:
        return await import_file(loops, path, options)


async def loaded(sandbox: ThreadedSandbox) -> Account:
    async with LoopsClient(sandbox.api_key, base_url=sandbox.url) as loops:
        return await load_account(loops)


def outcome(work: Callable[[], ImportReport]) -> tuple[str, list[tuple[int, str]]]:
    """Whether the file as a whole was refused, and the rejected rows, as far as the client says."""
    try:
        report = work()
    except ImportRefused:
        return "refused", []
    if report.plan.objection:
        return "refused", []
    named = sorted(report.rejected.first)
    return "read", [(line, why) for line, why in named if not why.startswith("Loops said")]


@pytest.mark.parametrize("flags", FLAGS, ids=str)
@given(file=files(), as_json=st.booleans())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_validate_and_import_never_disagree(
    flags: dict[str, Any], file: tuple[list[str], list[list[str]]], as_json: bool
) -> None:
    columns, rows = file
    mappings = tuple(text.format(columns[-1]) for text in flags.get("mappings", ()))
    if as_json:
        lines = [json.dumps(dict(zip(columns, row, strict=False))) for row in rows]
    else:
        quoted = [['"' + cell.replace('"', '""') + '"' for cell in row] for row in rows]
        lines = [",".join(columns), *(",".join(row) for row in quoted)]
    properties = [*PROPERTIES, StoredProperty("vip", "boolean"), StoredProperty("label", "string")]
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadedSandbox(properties=properties) as sandbox,
    ):
        path = Path(folder) / ("rows.jsonl" if as_json else "rows.csv")
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        options = ImportOptions(**(flags | {"mappings": mappings}))
        account = asyncio.run(loaded(sandbox))
        foretold = outcome(lambda: validate_file(path, options, account=account))
        dry_run = attrs.evolve(options, dry_run=True)
        rehearsed = outcome(lambda: asyncio.run(imported(sandbox, path, dry_run)))
        happened = outcome(lambda: asyncio.run(imported(sandbox, path, options)))
    assert foretold == happened
    # A dry run does not ask Loops. So it may stop for the type of a column that has a property
    # already; but if it goes on, what it says is true.
    if happened[0] == "read" and rehearsed[0] == "read":
        assert {line for line, _ in rehearsed[1]} <= {line for line, _ in happened[1]}
