"""One option is one attribute: the flag, its help, the journal and ``--resume`` derive from it."""

import hashlib
from pathlib import Path
from typing import Any

import attrs
import click
import orjson
import pytest
from click.testing import CliRunner

from loops_async import LoopsClient
from loops_async.cli.options import importer_options
from loops_async.importer import FileRefused, ImportOptions, UnfinishedImport, import_file
from loops_async.importer.journal import ImportJournal, JournalHeader
from loops_async.importer.options import option
from loops_async.importer.reading import open_input
from loops_async.importer.resume import resumed_header
from loops_async.testing import ScriptedTransport, SentRequest, reply


@attrs.frozen
class MoreOptions(ImportOptions):
    """What an option costs: these lines."""

    keep_case: bool = option("--keep-case", "Keep it.", recorded=True, validates=True)
    batch: int = option(
        "--batch", "Rows a request.", default=7, kind="count", metavar="N", recorded=True, before=1
    )


def parsed(*words: str, validating: bool = False) -> ImportOptions:
    """The options that a command line gives."""
    found: list[ImportOptions] = []

    @click.command()
    @importer_options(MoreOptions, validating=validating)
    def command(**given: Any) -> None:
        found.append(MoreOptions(**given))

    result = CliRunner().invoke(command, words, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return found[0]


def test_an_attribute_is_a_flag_with_its_help() -> None:
    assert parsed() == MoreOptions()
    assert parsed("--keep-case", "--batch", "3", "--map", "a=b") == MoreOptions(
        keep_case=True, batch=3, mappings=("a=b",)
    )
    command = click.command()(importer_options(MoreOptions)(lambda: None))
    help_text = command.get_help(click.Context(command))
    assert "--batch N" in help_text
    assert "Rows a request." in help_text
    assert "[default: 7" in help_text
    # In the order of the attributes.
    assert help_text.index("--map") < help_text.index("--dry-run") < help_text.index("--keep-case")
    with pytest.raises(click.BadParameter):
        parsed("--batch", "0")


def test_validate_has_those_that_are_marked_for_it() -> None:
    assert parsed("--keep-case", validating=True) == MoreOptions(keep_case=True)
    for flag in ("--batch=3", "--resume", "--concurrency=3", "--journal=j"):
        with pytest.raises(click.NoSuchOption):
            parsed(flag, validating=True)


def test_the_command_that_goes_on_has_what_was_given() -> None:
    options = MoreOptions(mappings=("a b=c",), keep_case=True, batch=3, journal="j", resume=True)
    assert options.command("-x.csv", resume=True, more=["--rate=5"]) == (
        "loops-async import --rate=5 '--map=a b=c' --journal=j --keep-case --batch=3 --resume -- "
        "-x.csv"
    )
    assert options.command("x.csv", resume=False) == (
        "loops-async import '--map=a b=c' --keep-case --batch=3 x.csv"
    )


def test_a_journal_keeps_it_and_a_resumed_import_must_have_it() -> None:
    recorded = MoreOptions(batch=3).recorded()
    assert recorded == ImportOptions().recorded() | {"--keep-case": False, "--batch": 3}
    assert MoreOptions(batch=3).differing(recorded) == []
    assert MoreOptions(keep_case=True, batch=4).differing(recorded) == ["--keep-case", "--batch"]
    assert MoreOptions().with_recorded(recorded) == MoreOptions(batch=3)


def test_one_that_a_journal_lacks_means_what_was_done_before_there_was_one() -> None:
    old = ImportOptions(ignore_unknown=True).recorded()
    went_on = MoreOptions(concurrency=9).with_recorded(old)
    assert went_on == MoreOptions(concurrency=9, ignore_unknown=True, batch=1)
    assert MoreOptions(ignore_unknown=True).differing(old) == ["--batch"]
    assert MoreOptions(ignore_unknown=True, batch=1).differing(old) == []


def test_options_of_nobody_are_not_given_even_where_others_applied_before() -> None:
    assert not MoreOptions().has_recorded
    assert MoreOptions(batch=1).has_recorded
    assert not MoreOptions(concurrency=3).has_recorded


# Written by the command line before the journal was read by an option table: a kill after the
# first row was applied, the second rejected, and the third and fourth failed.
ROWS = """\
Email,Seats,Opt in,Comment
ada@example.com,3,yes,x
nobody,4,,
bob@example.com,5,no,y
ada@example.com,6,,
cyd@example.com,7,yes,z
dan@example.com,8,no,
"""
REJECTED = """\
loops_error,Email,Seats,Opt in,Comment
"column ""Email"" is not an email address: it has no @",nobody,4,,
"""
OF_YESTERDAY = (
    b'{"loops_async_journal":1,"sha256":'
    b'"7d7c17c5a90c08f9e2a4a0dc1fd1e9f4f3076eaaf1c378d6684e834329f5e7b4","rows":6,"team":'
    b'"eb288a285b78ed64dff14b44a191fa3f6f5d4bb1f0ba740c06594054df938499","settings":{"--map":'
    b'["Opt in=subscribed","Seats=seats:number"],"--create-properties":true,'
    b'"--ignore-unknown":true,"--empty-as-null":false},"plan":[["Email","field","email","string"],'
    b'["Opt in","field","subscribed","boolean"],["Seats","property","seats","number"],'
    b'["Comment","property","comment","string"]]}\n'
    b"-1 106 f75ec9aa44ba12b864734378c879957c432e0e4012d4fcdaea1851e679bc2c85\n"
    b"+0\n!2\n!3\n"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    path.with_name("rows.csv.rejected.csv").write_text(REJECTED)
    path.with_name("rows.csv.journal").write_bytes(OF_YESTERDAY)
    return path


KNOWN = {"seats": "number", "comment": "string"}


def client(known: dict[str, str] = KNOWN) -> tuple[LoopsClient, ScriptedTransport]:
    def answer(request: SentRequest) -> Any:
        if request.method == "GET":
            return reply(200, [{"key": k, "label": k, "type": t} for k, t in known.items()])
        return reply(200, {"success": True, "id": "c1"})

    transport = ScriptedTransport(answer)
    url = "http://127.0.0.1:8026/api"
    return LoopsClient("test-key", base_url=url, transport=transport), transport


async def test_a_journal_of_yesterday_is_resumed_with_its_options(path: Path) -> None:
    loops, transport = client()
    async with loops:
        report = await import_file(loops, path, ImportOptions(resume=True))
    sent: list[Any] = [request.json for request in transport.requests if request.json]
    assert sorted(body["email"] for body in sent) == [
        *("ada@example.com", "bob@example.com", "cyd@example.com", "dan@example.com")
    ]
    assert all(isinstance(body["seats"], int) for body in sent)
    assert (report.applied, report.rejected.count, report.done_before) == (5, 1, 2)
    assert report.options.mappings == ("Opt in=subscribed", "Seats=seats:number")
    assert report.options.create_properties
    assert path.with_name("rows.csv.rejected.csv").read_text() == REJECTED
    assert not path.with_name("rows.csv.rejected.csv.old").exists()
    written = path.with_name("rows.csv.journal").read_bytes()
    assert written.startswith(OF_YESTERDAY)
    assert written[len(OF_YESTERDAY) :].count(b"+") == 4


async def test_what_a_journal_of_yesterday_has_this_version_writes_as_well(path: Path) -> None:
    path.with_name("rows.csv.journal").unlink()
    options = ImportOptions(
        mappings=("Seats=seats:number", "Opt in=subscribed"),
        create_properties=True,
        ignore_unknown=True,
    )
    loops, _ = client({})
    async with loops:
        await import_file(loops, path, options)
    written = path.with_name("rows.csv.journal").read_bytes()
    now, then = (orjson.loads(text.split(b"\n")[0]) for text in (written, OF_YESTERDAY))
    # Options that are newer are recorded besides.
    now["settings"] = {name: now["settings"][name] for name in then["settings"]}
    assert now == then


async def test_other_options_than_those_of_yesterday_are_refused(path: Path) -> None:
    loops, transport = client()
    options = ImportOptions(resume=True, empty_as_null=True)
    async with loops:
        with pytest.raises(UnfinishedImport, match="different --map and a different --create"):
            await import_file(loops, path, options)
    assert transport.requests == []


@pytest.mark.parametrize("resume", [False, True])
async def test_an_option_of_a_newer_version_is_refused_by_name(path: Path, resume: bool) -> None:
    header, *records = OF_YESTERDAY.split(b"\n")
    newer = orjson.loads(header)
    newer["settings"]["--newer-option"] = "skip"
    journal = path.with_name("rows.csv.journal")
    content = b"\n".join([orjson.dumps(newer), *records])
    journal.write_bytes(content)
    loops, transport = client()
    async with loops:
        with pytest.raises(
            FileRefused, match=r"newer version .* option --newer-option; .*--restart"
        ):
            await import_file(loops, path, ImportOptions(resume=resume))
        assert journal.read_bytes() == content
        assert transport.requests == []
        options = ImportOptions(opted_out="send", restart=True, ignore_unknown=True)
        report = await import_file(loops, path, options)
    assert (report.applied, report.done_before) == (5, 0)


async def test_a_newer_format_is_refused(path: Path) -> None:
    journal = path.with_name("rows.csv.journal")
    journal.write_bytes(OF_YESTERDAY.replace(b'_journal":1', b'_journal":2'))
    loops, _ = client()
    async with loops:
        with pytest.raises(FileRefused, match="another version of loops-async; finish that"):
            await import_file(loops, path, ImportOptions(resume=True))


def test_an_old_journal_goes_on_as_the_release_that_wrote_it(path: Path) -> None:
    journal = ImportJournal.open(f"{path}.journal")
    assert journal.header is not None
    recorded = journal.header.settings
    options = MoreOptions(resume=True).with_recorded(recorded)
    assert options.batch == 1
    now = JournalHeader(
        sha256=hashlib.sha256(ROWS.encode()).hexdigest(),
        rows=6,
        team=journal.header.team,
        settings=options.recorded(),
        plan=[],
    )
    with open_input(path) as source:
        assert resumed_header(journal, now, options, source) is journal.header
        with pytest.raises(UnfinishedImport, match="began with a different --batch"):
            resumed_header(journal, now, attrs.evolve(options, batch=7), source)
    journal.close()
