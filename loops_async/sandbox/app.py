"""The endpoints over HTTP: each handler reads, asks the store, answers.

The rules are in `loops_async.sandbox.store`; what every request goes through is in
`loops_async.sandbox.middleware`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from loops_async.sandbox.answers import answer
from loops_async.sandbox.errors import Refusal
from loops_async.sandbox.marks import STOPPING
from loops_async.sandbox.middleware import BASE_PATH, explain, limit, record, sign_in
from loops_async.sandbox.reading import BODY_LIMIT, read_object, read_query
from loops_async.sandbox.records import contact_json, mailing_list_json, property_json
from loops_async.sandbox.spoiling import meet, spoil
from loops_async.sandbox.team import TEAM, Team
from loops_async.sandbox.travel import come, go

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_app(team: Team) -> web.Application:
    """Return the web application that serves a team.

    The middlewares are in the order a request meets them. Faults are drawn after `limit`: a
    request that meets one has arrived, carried a key and been charged. The way there lies before
    all else, and the way back lies between the answer and what spoils it.
    """
    app = web.Application(
        middlewares=[come, record, spoil, go, explain, sign_in, limit, meet],
        client_max_size=BODY_LIMIT,
    )
    app[TEAM] = team
    app[STOPPING] = asyncio.Event()
    app.on_shutdown.append(_release)
    for method, path, handler in _ROUTES:
        # Not add_get, which answers HEAD as well: Loops documents GET alone.
        app.router.add_route(method, BASE_PATH + path, handler)
    return app


async def _release(app: web.Application) -> None:
    app[STOPPING].set()


async def _test_api_key(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/api-key."""
    return answer({"success": True, "teamName": request.app[TEAM].name})


async def _create_contact(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/create-contact."""
    body = await read_object(request)
    return answer({"success": True, "id": request.app[TEAM].store.create(body)})


async def _update_contact(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/update-contact."""
    body = await read_object(request)
    return answer({"success": True, "id": request.app[TEAM].store.update(body)})


async def _find_contact(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/find-contact."""
    query: Mapping[str, object] = read_query(request)
    return answer([contact_json(found) for found in request.app[TEAM].store.find(query)])


async def _delete_contact(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/delete-contact."""
    request.app[TEAM].store.delete(await read_object(request))
    return answer({"success": True, "message": "Contact deleted."})


async def _list_properties(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/list-contact-properties."""
    catalogue = request.app[TEAM].store.catalogue
    which = read_query(request).get("list", "all")
    if which not in {"all", "custom"}:
        raise Refusal(400, "list must be all or custom.")
    properties = catalogue.custom() if which == "custom" else catalogue.all()
    return answer([property_json(prop) for prop in properties])


async def _create_property(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/create-contact-property."""
    request.app[TEAM].store.catalogue.create(await read_object(request))
    return answer({"success": True})


async def _suppression(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/check-contact-suppression."""
    team = request.app[TEAM]
    contact = team.store.one(read_query(request))
    return answer(team.suppression.status(contact, team.clock()))


async def _remove_suppression(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/remove-contact-suppression."""
    team = request.app[TEAM]
    contact = team.store.one(read_query(request))
    return answer(team.suppression.remove(contact, team.clock()))


async def _send_event(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/send-event."""
    team, body = request.app[TEAM], await read_object(request)
    team.mailroom.send_event(body, key=_idempotency_key(request), now=team.clock())
    return answer({"success": True})


async def _send_email(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/send-transactional-email."""
    team, body = request.app[TEAM], await read_object(request)
    team.mailroom.send_email(body, key=_idempotency_key(request), now=team.clock())
    return answer({"success": True})


def _idempotency_key(request: web.Request) -> str | None:
    return request.headers.get("Idempotency-Key") or None


async def _list_sending_ips(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/dedicated-sending-ips."""
    return answer(list(request.app[TEAM].sending_ips))


async def _list_mailing_lists(request: web.Request) -> web.Response:
    """https://loops.so/docs/api-reference/list-mailing-lists."""
    return answer([mailing_list_json(one) for one in request.app[TEAM].store.mailing_lists])


_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/v1/api-key", _test_api_key),
    ("POST", "/v1/contacts/create", _create_contact),
    ("PUT", "/v1/contacts/update", _update_contact),
    # Undocumented, and what several shipped integrations send.
    ("POST", "/v1/contacts/update", _update_contact),
    ("GET", "/v1/contacts/find", _find_contact),
    ("POST", "/v1/contacts/delete", _delete_contact),
    ("GET", "/v1/contacts/properties", _list_properties),
    ("POST", "/v1/contacts/properties", _create_property),
    ("GET", "/v1/contacts/suppression", _suppression),
    ("DELETE", "/v1/contacts/suppression", _remove_suppression),
    ("GET", "/v1/lists", _list_mailing_lists),
    ("POST", "/v1/events/send", _send_event),
    ("POST", "/v1/transactional", _send_email),
    ("GET", "/v1/dedicated-sending-ips", _list_sending_ips),
)
