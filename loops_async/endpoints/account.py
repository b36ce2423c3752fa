"""The team's own things: its API key, its contact properties, its mailing lists."""

from loops_async.codec import encode_json
from loops_async.endpoints.replies import SUCCESS, marked, reads, reads_success
from loops_async.pipeline.messages import Endpoint, Replay, Request, Send
from loops_async.records.api_key import Team
from loops_async.records.contact_properties import ContactProperty, PropertyType
from loops_async.records.mailing_lists import MailingList

API_KEY = Endpoint(
    "GET",
    "/v1/api-key",
    Replay.ALWAYS,
    reads(Team),
    changes=False,
    dry_run=b'{"teamName": "dry run"}',
)
LIST_PROPERTIES = Endpoint(
    "GET",
    "/v1/contacts/properties",
    Replay.ALWAYS,
    reads(list[ContactProperty]),
    changes=False,
    dry_run=b"[]",
)
CREATE_PROPERTY = Endpoint(
    "POST",
    "/v1/contacts/properties",
    Replay.ONCE,
    reads_success,
    reaches=False,
    dry_run=SUCCESS,
    vocabulary=frozenset(PropertyType),
)
MAILING_LISTS = Endpoint(
    "GET", "/v1/lists", Replay.ALWAYS, reads(list[MailingList]), changes=False, dry_run=b"[]"
)
SENDING_IPS = Endpoint(
    "GET",
    "/v1/dedicated-sending-ips",
    Replay.ALWAYS,
    reads(list[str]),
    changes=False,
    dry_run=b"[]",
)


async def team(send: Send, *, deadline: float | None = None) -> Team:
    """The team behind the API key."""
    return marked(await send(Request(API_KEY, deadline=deadline)))


async def list_properties(
    send: Send, *, custom_only: bool = False, deadline: float | None = None
) -> list[ContactProperty]:
    """The contact properties, Loops' own included unless ``custom_only``."""
    query = {"list": "custom" if custom_only else "all"}
    return (await send(Request(LIST_PROPERTIES, query=query, deadline=deadline))).value


async def create_property(
    send: Send, name: str, kind: PropertyType, *, deadline: float | None = None
) -> None:
    """Create a custom contact property."""
    body = encode_json({"name": name, "type": kind})
    await send(Request(CREATE_PROPERTY, body=body, deadline=deadline))


async def mailing_lists(send: Send, *, deadline: float | None = None) -> list[MailingList]:
    """The mailing lists."""
    return (await send(Request(MAILING_LISTS, deadline=deadline))).value


async def sending_ips(send: Send, *, deadline: float | None = None) -> list[str]:
    """The dedicated sending IP addresses."""
    return (await send(Request(SENDING_IPS, deadline=deadline))).value
