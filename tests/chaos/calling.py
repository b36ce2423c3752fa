"""The calls of a plan, made as a user makes them."""

from typing import Any

from loops_async import LoopsClient, LoopsError
from tests.chaos.model import Step
from tests.chaos.promises import Call


async def make(loops: LoopsClient, call: Call) -> None:
    """Make ``call`` and note how it ended."""
    try:
        call.result = await _made(loops, call.step)
    except LoopsError as error:
        call.error = error
    except Exception as error:  # noqa: BLE001 - that none gets here is a promise
        call.error = error


async def _made(loops: LoopsClient, step: Step) -> Any:
    fields = dict(step.fields)
    match step.kind:
        case "create":
            return await loops.contacts.create(email=step.email, **fields)
        case "update":
            return await loops.contacts.update(email=step.email, **fields)
        case "delete":
            return await loops.contacts.delete(email=step.email)
        case "find":
            return await loops.contacts.find(email=step.email)
        case "removal":
            return await loops.contacts.remove_suppression(email=step.email)
        case "event":
            return await _event(loops, step, fields)
    return await loops.transactional.send(
        "chaos",
        step.email,
        data_variables={"call": step.number},
        add_to_audience=fields["add_to_audience"],
        idempotency_key=step.key if step.own_key else None,
    )


async def _event(loops: LoopsClient, step: Step, fields: dict[str, Any]) -> Any:
    lists = {"mailing_lists": fields.pop("mailing_lists")} if "mailing_lists" in fields else {}
    return await loops.events.send(
        "chaos",
        email=step.email,
        properties={"call": step.number},
        contact={**fields.pop("properties"), **fields},
        idempotency_key=step.key if step.own_key else None,
        **lists,
    )
