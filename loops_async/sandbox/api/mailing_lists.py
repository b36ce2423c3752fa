"""Mailing lists. The API cannot create any."""

from collections.abc import Iterable

import attrs
from aiohttp import web

from loops_async.sandbox.http import json_response
from loops_async.sandbox.json_body import is_object
from loops_async.sandbox.team import TEAM
from loops_async.sandbox.validation import Refusal


@attrs.frozen
class StoredMailingList:
    """A mailing list of the team.

    Attributes:
        id: The id of the list, which is its key in `mailingLists`.
        name: Its name.
        description: Its description, None for none.
        is_public: Whether contacts see it in their preference center.
    """

    id: str
    name: str
    description: str | None = None
    is_public: bool = True


# The ids are from the example at https://loops.so/docs/api-reference/create-contact.
DEFAULT_MAILING_LISTS = (
    StoredMailingList(
        "cm06f5v0e45nf0ml5754o9cix", "Product updates", "Monthly product news and release notes"
    ),
    StoredMailingList("cm16k73gq014h0mmj5b6jdi9r", "Beta testers", None, is_public=False),
)
"""The mailing lists of a sandbox that is created without ``mailing_lists``."""

routes: web.RouteTableDef = web.RouteTableDef()


@routes.get("/v1/lists")
async def list_mailing_lists(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/list-mailing-lists."""
    return json_response([mailing_list_json(one) for one in request.app[TEAM].mailing_lists])


def mailing_list_json(mailing_list: StoredMailingList) -> dict[str, object]:
    """Return the JSON of a list."""
    return {
        "id": mailing_list.id,
        "name": mailing_list.name,
        "description": mailing_list.description,
        "isPublic": mailing_list.is_public,
    }


def read_mailing_lists(value: object, known: Iterable[StoredMailingList]) -> dict[str, bool]:
    """Return the `mailingLists` of a body: the id of a list to whether the contact is on it."""
    # PHP writes an empty map as [], and Loops' own SDK does so here.
    if value is None or value == []:
        return {}
    if not is_object(value):
        raise Refusal(400, "mailingLists must be an object of list IDs and booleans.")
    memberships: dict[str, bool] = {}
    ids = {mailing_list.id for mailing_list in known}
    for list_id, member in value.items():
        if list_id not in ids:
            raise Refusal(400, "mailingLists has an unknown mailing list ID.")
        if not isinstance(member, bool):
            raise Refusal(400, "mailingLists must be an object of list IDs and booleans.")
        memberships[list_id] = member
    return memberships
