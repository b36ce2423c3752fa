"""``loops_async.importer`` as a service uses it: events, stopping, cancelling, resuming."""

# ruff: noqa: ASYNC240 - the files are a few lines long

import asyncio
import io
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from loops_async import LoopsClient, Unauthorized
from loops_async.importer import (
    ColumnsPlanned,
    ColumnsRefused,
    ImportEvent,
    ImportFinished,
    ImportNotice,
    ImportOptions,
    ImportProgress,
    ImportReport,
    ImportStarted,
    ImportStopping,
    PropertyCreated,
    UnfinishedImport,
    import_file,
    importer,
    load_account,
    open_input,
    validate_file,
)
from loops_async.importer.type_inference import scan_file
from loops_async.testing import QUICK_RETRIES, Reply, ScriptedTransport, SentRequest, reply

UPDATE = "/v1/contacts/update"
PROPERTIES = "/v1/contacts/properties"


class Team:
    """A team at Loops, as far as an import asks for it."""

    def __init__(self) -> None:
        self.properties: list[dict[str, str]] = []
        self.contacts: list[dict[str, Any]] = []
        self.lists = [{"id": "l1", "name": "News", "description": None, "isPublic": True}]
        self.answer: Any = None
        """Called with each update; what it returns is the answer in place of a success."""

    def __call__(self, request: SentRequest) -> Any:
        body: Any = request.json
        if request.path == "/v1/lists":
            return reply(200, self.lists)
        if request.path == PROPERTIES and request.method == "GET":
            return reply(200, self.properties)
        if request.path == PROPERTIES:
            self.properties.append({"key": body["name"], "label": "x", "type": body["type"]})
            return reply(200, {"success": True})
        return self.update(body)

    async def update(self, body: dict[str, Any]) -> Reply:
        await asyncio.sleep(0)
        if self.answer is not None and (answer := await self.answer(body)) is not None:
            assert isinstance(answer, Reply)
            return answer
        self.contacts.append(body)
        return reply(200, {"success": True, "id": "c1"})

    @property
    def addresses(self) -> list[str]:
        return [contact["email"] for contact in self.contacts]


@asynccontextmanager
async def client(team: Team, **more: Any) -> AsyncIterator[LoopsClient]:
    transport = ScriptedTransport(team)
    options: dict[str, Any] = {"retry": QUICK_RETRIES} | more
    async with LoopsClient("test-key", transport=transport, **options) as loops:
        yield loops


@pytest.fixture
def team() -> Team:
    return Team()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    lines = ["email,Seats,subscribed", "a@x.org,1,yes", "nobody,2,", "b@x.org,3,no", "c@x.org,x,"]
    path.write_text("\n".join(lines) + "\n")
    return path


def many(path: Path, rows: int = 400) -> Path:
    path.write_text("email\n" + "".join(f"c{n}@example.com\n" for n in range(rows)))
    return path


def kinds(events: list[ImportEvent]) -> list[str]:
    return [type(event).__name__ for event in events if not isinstance(event, ImportProgress)]


async def test_it_tells_what_it_does_and_returns_what_it_did(team: Team, path: Path) -> None:
    events: list[ImportEvent] = []
    options = ImportOptions(mappings=("Seats=seats:number",), create_properties=True)
    async with client(team) as loops:
        report = await import_file(loops, path, options, on_progress=events.append)
        assert loops.stats().requests == report.requests == 4
    assert kinds(events) == [
        *("ColumnsPlanned", "ImportNotice", "PropertyCreated", "ImportStarted", "ImportFinished")
    ]
    planned, notice, created, started, finished = (
        event for event in events if not isinstance(event, ImportProgress)
    )
    assert isinstance(planned, ColumnsPlanned)
    assert [str(column.target) for column in planned.plan.columns] == [
        *("email", "subscribed", "seats")
    ]
    assert isinstance(notice, ImportNotice)
    assert (notice.code, report.resubscribing) == ("resubscribing", 1)
    assert isinstance(created, PropertyCreated)
    assert (created.property.key, created.property.type) == ("seats", "number")
    assert isinstance(started, ImportStarted)
    assert (started.rows, started.done_before) == (4, 0)
    assert isinstance(finished, ImportFinished)
    assert finished.report is report
    last = next(event for event in reversed(events) if isinstance(event, ImportProgress))
    assert (last.rows, last.done, last.applied, last.rejected, last.failed) == (4, 4, 2, 2, 0)
    assert team.addresses == ["a@x.org", "b@x.org"]
    assert (report.applied, report.rejected.count, report.not_done) == (2, 2, 0)
    assert [line for line, _ in report.rejected.first] == [3, 5]
    assert report.rejected_file == f"{path}.rejected.csv"
    assert not report.complete
    assert not report.resumable
    assert report.as_dict()["applied"] == 2


async def test_events_come_in_the_event_loop_and_the_file_is_read_elsewhere(
    team: Team, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, threads = threading.get_ident(), set[int]()
    loop_ran = threading.Event()

    def slow(source: Any, options: Any) -> Any:
        asyncio.get_running_loop if threading.get_ident() == here else None
        assert loop_ran.wait(10), "the event loop was blocked"
        return scan_file(source, options)

    monkeypatch.setattr(importer, "scan_file", slow)
    asyncio.get_running_loop().call_later(0.01, loop_ran.set)
    async with client(team) as loops:
        await import_file(
            loops, path, ImportOptions(ignore_unknown=True),
            on_progress=lambda _: threads.add(threading.get_ident()),
        )  # fmt: skip
    assert threads == {here}


async def test_stopping_lets_rows_in_flight_finish_and_resuming_sends_the_rest(
    team: Team, path: Path
) -> None:
    many(path)
    stop = asyncio.Event()
    events: list[ImportEvent] = []

    def watch(event: ImportEvent) -> None:
        events.append(event)
        if isinstance(event, ImportProgress) and event.applied == 20:
            stop.set()

    async with client(team) as loops:
        options = ImportOptions(concurrency=5)
        report = await import_file(loops, path, options, on_progress=watch, stop=stop)
        assert report.stopped
        assert report.resumable
        assert 20 <= report.applied == len(team.contacts) < 400
        assert report.applied + report.not_done == 400
        (stopping,) = (event for event in events if isinstance(event, ImportStopping))
        assert stopping.reason == "requested"
        with pytest.raises(UnfinishedImport, match="--resume") as refused:
            await import_file(loops, path, options)
        assert refused.value.options == ImportOptions(concurrency=5, resume=True)
        rest = await import_file(loops, path, refused.value.options)
    assert (rest.applied, rest.done_before, rest.complete) == (400, report.applied, True)
    assert len(team.addresses) == len(set(team.addresses)) == 400


async def test_one_that_is_stopped_before_it_begins_sends_nothing(team: Team, path: Path) -> None:
    stop = asyncio.Event()
    stop.set()
    async with client(team) as loops:
        report = await import_file(loops, many(path), stop=stop)
    assert (report.applied, report.not_done, report.resumable) == (0, 400, True)
    assert team.contacts == []


async def test_a_cancellation_leaves_a_journal_that_can_be_resumed(team: Team, path: Path) -> None:
    many(path)
    stuck = asyncio.Event()
    events: list[ImportEvent] = []

    async def answer(_: dict[str, Any]) -> None:
        if len(team.contacts) >= 20:
            stuck.set()
            await asyncio.sleep(60)

    team.answer = answer
    async with client(team) as loops:
        task = asyncio.create_task(
            import_file(loops, path, ImportOptions(concurrency=5), on_progress=events.append)
        )
        await stuck.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert isinstance(events[-1], ImportFinished)
        assert events[-1].report.applied == 20
        team.answer = None
        rest = await import_file(loops, path, ImportOptions(resume=True))
    assert (rest.applied, rest.done_before) == (400, 20)
    assert len(set(team.addresses)) == 400


async def test_a_cancellation_while_the_file_is_read_leaves_nothing_open(
    team: Team, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, done = threading.Event(), threading.Event()

    def endless(source: Any, _: Any) -> Any:
        reading.set()
        try:
            while True:
                list(source.rows())
        finally:
            done.set()

    with monkeypatch.context() as patch:
        patch.setattr(importer, "scan_file", endless)
        async with client(team) as loops:
            task = asyncio.create_task(import_file(loops, path))
            await asyncio.to_thread(reading.wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert done.is_set()
    # The journal's lock is free again.
    async with client(team) as loops:
        report = await import_file(loops, path, ImportOptions(ignore_unknown=True))
    assert report.applied == 3


async def test_an_upload_has_no_journal_unless_one_is_named(team: Team, tmp_path: Path) -> None:
    upload = io.BytesIO(b"email\na@x.org\nnobody\n")
    async with client(team) as loops:
        with open_input("contacts.csv", upload) as source:
            report = await import_file(loops, source)
        assert (report.applied, report.rejected.count) == (1, 1)
        assert (report.has_journal, report.rejected_file) == (False, None)
        assert list(tmp_path.iterdir()) == []
        places = ImportOptions(journal=str(tmp_path / "j"), rejected=str(tmp_path / "r.csv"))
        with open_input("contacts.csv", upload) as source:
            report = await import_file(loops, source, places)
    assert report.has_journal
    written = (tmp_path / "r.csv").read_text()
    assert written.startswith("loops_error,email\n")
    assert written.endswith('it has no @",nobody\n')


async def test_columns_that_stop_it_stop_it_before_anything_is_sent(team: Team, path: Path) -> None:
    async with client(team) as loops:
        with pytest.raises(ColumnsRefused, match=r"--create-properties(.|\n)*Nothing was sent"):
            await import_file(loops, path)
        account = await load_account(loops)
    report = validate_file(path, account=account)
    assert "--create-properties" in str(report.plan.objection)
    assert (report.applied, report.rejected.count) == (3, 1)
    assert not report.complete
    assert team.contacts == []


async def test_when_loops_is_gone_it_returns_and_says_so(team: Team, path: Path) -> None:
    async def gone(_: dict[str, Any]) -> Reply | None:
        return reply(503) if len(team.contacts) >= 10 else None

    team.answer = gone
    async with client(team) as loops:
        report = await import_file(loops, many(path), ImportOptions(concurrency=2))
    assert "503" in str(report.unavailable)
    assert report.resumable
    assert not report.complete
    assert (report.applied, report.failed.count >= 20) == (10, True)


@pytest.mark.parametrize(("status", "body", "is_its_own"), [
    (400, {"success": False, "message": "No."}, True), (422, {"message": "No."}, True),
    (409, {"message": "Taken."}, True), (413, "<h1>Too large</h1>", True),
    (400, "<h1>Bad gateway</h1>", False), (402, {"message": "Pay."}, False),
    (403, {"message": "No."}, False), (404, {"message": "No."}, False),
    (405, {"message": "No."}, False), (407, "", False), (408, "", False), (410, "", False),
    (411, "", False), (421, "", False), (425, "", False), (426, "", False), (431, "", False),
    (451, "", False), (302, "", False), (500, {"message": "Oops."}, False), (503, "", False),
])  # fmt: skip
async def test_a_row_is_rejected_for_its_own_fault_alone_and_any_other_goes_again(
    team: Team, path: Path, status: int, body: Any, is_its_own: bool
) -> None:
    async def refused(contact: dict[str, Any]) -> Reply | None:
        return reply(status, body) if contact["email"].startswith("c3@") else None

    team.answer = refused
    async with client(team) as loops:
        report = await import_file(loops, many(path))
        assert (report.rejected.count, report.failed.count) == (is_its_own, not is_its_own)
        team.answer = None
        before = len(team.contacts)
        report = await import_file(loops, many(path), ImportOptions(resume=True))
    assert len(team.contacts) - before == (not is_its_own)


async def test_an_error_that_stops_everything_comes_after_the_report(
    team: Team, path: Path
) -> None:
    async def refused(_: dict[str, Any]) -> Reply | None:
        return reply(401, {"error": "Invalid API key"}) if len(team.contacts) >= 10 else None

    team.answer = refused
    reports: list[ImportReport] = []

    def watch(event: ImportEvent) -> None:
        if isinstance(event, ImportFinished):
            reports.append(event.report)

    async with client(team) as loops:
        with pytest.raises(Unauthorized):
            await import_file(loops, many(path), ImportOptions(concurrency=1), on_progress=watch)
    (report,) = reports
    assert (report.applied, report.resumable) == (10, True)


@pytest.mark.parametrize("by_client", [False, True])
async def test_a_dry_run_sends_nothing_and_writes_nothing(
    team: Team, path: Path, *, by_client: bool
) -> None:
    options = ImportOptions(
        create_properties=True,
        mappings=("Seats=seats:number",),
        opted_out="send",
        dry_run=not by_client,
    )
    more: dict[str, Any] = (
        {"dry_run": True} if by_client else {"transport": ScriptedTransport(team)}
    )
    async with LoopsClient("test-key", allowed_recipients=["a@x.org"], **more) as loops:
        report = await import_file(loops, path, options)
        assert loops.stats().requests == 0
    assert (report.dry_run, report.applied, report.rejected.count) == (True, 1, 3)
    assert report.would_send == {f"POST {PROPERTIES}": 1, f"PUT {UPDATE}": 1}
    assert not report.would_stop
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


async def test_a_dry_run_of_an_import_that_would_stop_would_send_nothing(
    team: Team, path: Path
) -> None:
    options = ImportOptions(create_properties=True, dry_run=True)
    async with LoopsClient("test-key", transport=ScriptedTransport(team)) as loops:
        report = await import_file(loops, path, options)
    assert "Loops never changes the type of a property" in str(report.plan.objection)
    assert (report.applied, report.would_stop, report.would_send) == (3, True, {})


async def test_lists_are_asked_for_only_where_a_mapping_names_one(team: Team, path: Path) -> None:
    transport = ScriptedTransport(team)
    async with LoopsClient("test-key", transport=transport) as loops:
        await import_file(loops, path, ImportOptions(mappings=("Seats=",)))
        assert "/v1/lists" not in {request.path for request in transport.requests}
        with pytest.raises(ColumnsRefused, match='no mailing list "l2"; its lists are l1'):
            await import_file(loops, path, ImportOptions(mappings=("Seats=mailingLists.l2",)))


def test_a_file_is_validated_without_loading_aiohttp(path: Path) -> None:
    code = (
        "import sys\n"
        "from loops_async.importer import ImportOptions, validate_file\n"
        f"report = validate_file({str(path)!r}, ImportOptions(ignore_unknown=True))\n"
        "assert report.applied == 3, report\n"
        "assert not {'aiohttp', 'click', 'rich'} & set(sys.modules)\n"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter, our own code
        [sys.executable, "-c", code], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
