"""A signup service that enqueues its calls. Run it with ``uvicorn signup_service:app``."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from signup_tasks import broker, upsert

from loops_async import ContactUpdate, InvalidInput


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
    await broker.startup()
    yield
    await broker.shutdown()


app = FastAPI(lifespan=lifespan)


class Signup(BaseModel):
    email: str
    user_id: str
    first_name: str | None = None


@app.post("/signups", status_code=202)
async def sign_up(signup: Signup) -> dict[str, str]:
    fields = signup.model_dump(exclude_unset=True)
    try:
        ContactUpdate(**fields)  # validate here: the worker cannot report errors
    except InvalidInput as error:
        raise HTTPException(422, str(error)) from error
    task = await upsert.kiq(fields)
    return {"task": task.task_id}
