"""A service that imports uploaded files. Run it with ``uvicorn import_service:app``.

Upload a file with ``curl --data-binary @contacts.csv http://127.0.0.1:8000/imports``.
"""

import asyncio
import logging
import os
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypedDict

import attrs
from fastapi import Depends, FastAPI, HTTPException, Request

from loops_async import LoopsClient, LoopsError
from loops_async.importer import (
    ImportEvent,
    ImportOptions,
    ImportProgress,
    ImportRefused,
    ImportReport,
    import_file,
    load_account,
    validate_file,
)

log = logging.getLogger("uvicorn.error")
FOLDER = Path(os.environ.get("IMPORT_FOLDER", "imports"))
# Few rows in flight: when the service stops, these have to finish.
OPTIONS = ImportOptions(ignore_unknown=True, concurrency=10)


@attrs.define
class Job:
    """One import, running or finished."""

    status: str = "running"
    progress: dict[str, Any] = attrs.field(factory=dict[str, Any])
    report: dict[str, Any] | None = None
    error: str | None = None
    stop: asyncio.Event = attrs.field(factory=asyncio.Event)

    def note(self, event: ImportEvent) -> None:
        if isinstance(event, ImportProgress):
            self.progress = attrs.asdict(event)


@attrs.define
class Imports:
    """The imports of this process. Their files and journals are in ``FOLDER``."""

    loops: LoopsClient
    jobs: dict[str, Job] = attrs.field(factory=dict[str, Job])
    tasks: asyncio.TaskGroup = attrs.field(factory=asyncio.TaskGroup)

    def resume(self) -> None:
        FOLDER.mkdir(exist_ok=True)
        for journal in FOLDER.glob("*.journal"):
            self.start(journal.name.partition(".")[0])

    def start(self, name: str) -> None:
        self.jobs[name] = job = Job()
        self.tasks.create_task(self._run(name, job))

    def find(self, name: str) -> Job:
        if name not in self.jobs:
            raise HTTPException(404, "there is no such import")
        return self.jobs[name]

    async def _run(self, name: str, job: Job) -> None:
        # With "resume", an import that was interrupted continues, and a new one begins.
        options = attrs.evolve(OPTIONS, resume=True)
        path = FOLDER / f"{name}.csv"
        try:
            report = await import_file(
                self.loops, path, options, on_progress=job.note, stop=job.stop
            )
        except LoopsError as error:
            log.warning("import %s failed: %s", name, error)
            job.status, job.error = "failed", str(error)
        else:
            job.status = "interrupted" if report.resumable else "finished"
            job.error = report.error or report.unavailable
            job.report = report.as_dict()


class State(TypedDict):
    imports: Imports


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[State, None]:
    async with LoopsClient() as loops:
        imports = Imports(loops)
        async with imports.tasks:
            imports.resume()
            yield {"imports": imports}
            # The rows in flight finish; the journals know the rest.
            for job in imports.jobs.values():
                job.stop.set()


def imports_of(request: Request) -> Imports:
    imports: Imports = request.state.imports
    return imports


Running = Annotated[Imports, Depends(imports_of)]
app = FastAPI(lifespan=lifespan)


@app.post("/imports", status_code=202)
async def upload(request: Request, imports: Running) -> dict[str, Any]:
    name = uuid.uuid4().hex
    path = FOLDER / f"{name}.csv"
    with path.open("wb") as file:
        async for chunk in request.stream():
            await asyncio.to_thread(file.write, chunk)
    try:
        found = await check(imports.loops, path)
    except ImportRefused as error:
        path.unlink()
        raise HTTPException(422, str(error)) from error
    imports.start(name)
    return {"id": name, "rows": found.rows, "rejected": found.rejected.count}


async def check(loops: LoopsClient, path: Path) -> ImportReport:
    """Check a file; raise ImportRefused if an import would stop before the first row."""
    account = await load_account(loops)
    report = await asyncio.to_thread(validate_file, path, OPTIONS, account=account)
    if report.plan.objection:
        raise ImportRefused(report.plan.objection)
    return report


@app.get("/imports/{name}")
async def progress(name: str, imports: Running) -> dict[str, Any]:
    job = imports.find(name)
    return {
        "status": job.status,
        "error": job.error,
        "progress": job.progress,
        "report": job.report,
    }


@app.delete("/imports/{name}", status_code=202)
async def stop(name: str, imports: Running) -> None:
    imports.find(name).stop.set()
