"""A signup service. Run it with ``uvicorn fastapi_service:app``."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypedDict

import attrs
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel

from loops_async import ContactUpdate, InvalidInput, LoopsClient, LoopsError

log = logging.getLogger("uvicorn.error")


class State(TypedDict):
    loops: LoopsClient


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[State, None]:
    async with LoopsClient() as loops:  # reads the key from LOOPS_API_KEY
        yield {"loops": loops}


def loops_client(request: Request) -> LoopsClient:
    client: LoopsClient = request.state.loops
    return client


Loops = Annotated[LoopsClient, Depends(loops_client)]
app = FastAPI(lifespan=lifespan)


class Signup(BaseModel):
    email: str
    user_id: str
    first_name: str | None = None


@app.post("/signups")
async def sign_up(
    signup: Signup, loops: Loops, response: Response, background: BackgroundTasks
) -> dict[str, str]:
    try:
        contact = ContactUpdate(**signup.model_dump(exclude_unset=True))
    except InvalidInput as error:
        raise HTTPException(422, str(error)) from error
    try:
        receipt = await loops.contacts.update(contact, timeout=2.0)
    except LoopsError as error:
        if error.concerns_input:  # refused by Loops, or by safe mode on staging
            raise HTTPException(422, str(error)) from error
        # A signup must neither wait for the mail platform nor fail because of it.
        log.warning("user %s is sent later: %s", contact.user_id, error)
        background.add_task(send_later, loops, contact)
        response.status_code = 202
        return {"status": "accepted"}
    return {"status": "done", "id": receipt.id}


async def send_later(loops: LoopsClient, contact: ContactUpdate) -> None:
    """Try once more after the response, with a longer timeout than a request allows."""
    try:
        await loops.contacts.update(contact, timeout=60.0)
    except LoopsError as error:
        log.warning("user %s is not at Loops: %s", contact.user_id, error)


@app.get("/stats")
async def stats(loops: Loops) -> dict[str, Any]:
    """Return the client's counters: requests, retries, failures and waiting calls."""
    return attrs.asdict(loops.stats())


@app.get("/healthz")
async def healthy() -> dict[str, str]:
    """Report that this process is up. It does not call Loops: a restart would not fix Loops."""
    return {"status": "ok"}
