"""The API key, contact properties and mailing lists against the sandbox."""

import pytest

from loops_async import (
    BadRequest,
    ContactProperty,
    InvalidInput,
    LoopsClient,
    MailingList,
    PropertyType,
    Team,
    Unauthorized,
)
from loops_async.sandbox import DEFAULT_MAILING_LISTS, Sandbox


async def test_the_key_tells_its_team(loops: LoopsClient, sandbox: Sandbox) -> None:
    assert await loops.api_key.test() == Team(team_name="Company name")
    request = sandbox.requests[-1]
    assert (request.method, request.path, dict(request.query)) == ("GET", "/v1/api-key", {})


async def test_a_wrong_key_is_unauthorized_everywhere(sandbox: Sandbox) -> None:
    async with LoopsClient("wrong-key", base_url=sandbox.url) as loops:
        for call in (
            loops.api_key.test(),
            loops.contact_properties.list(),
            loops.contact_properties.create("plan", "string"),
            loops.mailing_lists.list(),
        ):
            with pytest.raises(Unauthorized):
                await call
    assert [request.status for request in sandbox.requests] == [401] * 4


async def test_properties_are_listed_all_or_the_custom_ones_alone(
    loops: LoopsClient, sandbox: Sandbox
) -> None:
    await loops.contacts.update(email="ada@example.com", properties={"seats": 3})
    everything = await loops.contact_properties.list()
    assert dict(sandbox.requests[-1].query) == {"list": "all"}
    custom = await loops.contact_properties.list(custom_only=True)
    assert dict(sandbox.requests[-1].query) == {"list": "custom"}
    assert custom == [ContactProperty(key="seats", label="Seats", type=PropertyType.NUMBER)]
    assert custom[0] in everything
    assert {one.key for one in everything} >= {"email", "firstName", "userGroup", "seats"}
    assert all(isinstance(one.type, PropertyType) for one in everything)


@pytest.mark.parametrize("kind", ["string", "number", "boolean", "date", PropertyType.DATE])
async def test_a_property_is_created_with_its_type(
    loops: LoopsClient, sandbox: Sandbox, kind: PropertyType
) -> None:
    await loops.contact_properties.create("trialEnds", kind)
    request = sandbox.requests[-1]
    assert (request.method, request.path) == ("POST", "/v1/contacts/properties")
    assert request.json == {"name": "trialEnds", "type": str(kind)}
    assert sandbox.properties["trialEnds"].type == str(kind)


async def test_a_property_that_exists_is_a_bad_request(
    loops: LoopsClient, sandbox: Sandbox
) -> None:
    await loops.contact_properties.create("plan", "string")
    with pytest.raises(BadRequest) as caught:
        await loops.contact_properties.create("plan", "number")
    assert caught.value.status == 400
    assert sandbox.properties["plan"].type == "string"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("", "string"), ("id", "string"), ("firstName", "string"), ("plan", "text"), ("plan", "")],
)
async def test_a_name_or_type_that_cannot_be_is_refused_before_sending(
    loops: LoopsClient, sandbox: Sandbox, name: str, kind: str
) -> None:
    with pytest.raises(InvalidInput):
        await loops.contact_properties.create(name, kind)  # type: ignore[arg-type]
    assert not sandbox.requests


async def test_mailing_lists_come_as_records(loops: LoopsClient, sandbox: Sandbox) -> None:
    lists = await loops.mailing_lists.list()
    assert (sandbox.requests[-1].method, sandbox.requests[-1].path) == ("GET", "/v1/lists")
    assert lists == [
        MailingList(id=one.id, name=one.name, description=one.description, is_public=one.is_public)
        for one in DEFAULT_MAILING_LISTS
    ]


async def test_a_team_without_lists_has_none() -> None:
    async with (
        Sandbox(mailing_lists=()) as sandbox,
        LoopsClient(sandbox.api_key, base_url=sandbox.url) as loops,
    ):
        assert await loops.mailing_lists.list() == []
