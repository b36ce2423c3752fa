"""A workflow module that names as much of the package as one could, at module level."""

import attrs
from temporalio import activity, workflow

import loops_async.contrib.opentelemetry
import loops_async.contrib.redis.team_pacer
import loops_async.sandbox
import loops_async.testing
from loops_async import (
    UNSET,
    Contact,
    ContactUpdate,
    InvalidInput,
    LoopsClient,
    LoopsSession,
    Pacer,
    Timeouts,
)

RETRY = loops_async.testing.QUICK_RETRIES
SESSION = LoopsSession(retry=RETRY, timeouts=Timeouts(total=5.0))
LOOPS = LoopsClient("a-key", pacer=Pacer(5), dry_run=True)


@attrs.frozen(kw_only=True)
class Customer(ContactUpdate):
    plan: str = "free"


@activity.defn
async def update(email: str) -> str:
    async with LoopsClient() as loops:
        return (await loops.contacts.update(Customer(email=email))).id


@workflow.defn
class Signup:
    """Checks what it is given in the workflow itself, which replays."""

    def __init__(self) -> None:
        self.checked = repr(Customer(email="ada@example.com", first_name=UNSET, plan="pro"))
        try:
            ContactUpdate(email="nobody")
        except InvalidInput as error:
            self.refused = str(error)
        self.empty = Contact(id="1", email="ada@example.com").properties

    @workflow.run
    async def run(self, email: str) -> None:
        await workflow.execute_activity(update, email)
