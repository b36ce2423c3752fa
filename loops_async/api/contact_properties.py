"""``loops.contact_properties``: listing and creating contact properties."""

import re
from typing import Final, Literal

from loops_async.api.resource import SUCCESS, Resource, Timeout, read_success, reads
from loops_async.codec import encode_json
from loops_async.errors import InvalidInput
from loops_async.pipeline.messages import Endpoint, Replay
from loops_async.records._types import UNSET
from loops_async.records._validation import check_property_name, masked
from loops_async.records.contact_properties import ContactProperty, PropertyType

_CAMEL_CASE: Final = re.compile(r"[a-z][a-zA-Z0-9]*")
_WORD: Final = re.compile(r"[a-zA-Z0-9]+")

LIST = Endpoint(
    "GET",
    "/v1/contacts/properties",
    Replay.ALWAYS,
    reads(list[ContactProperty]),
    changes=False,
    dry_run=b"[]",
)
CREATE = Endpoint(
    "POST",
    "/v1/contacts/properties",
    Replay.ONCE,
    read_success,
    reaches=False,
    dry_run=SUCCESS,
    vocabulary=frozenset(PropertyType),
)


class ContactProperties(Resource):
    """Contact properties (https://loops.so/docs/contacts/properties)."""

    __slots__ = ()

    async def list(
        self,
        custom_only: bool = False,  # noqa: FBT001, FBT002 - the only argument
        *,
        timeout: Timeout = UNSET,
    ) -> list[ContactProperty]:
        """List contact properties (https://loops.so/docs/api-reference/list-contact-properties).

        Args:
            custom_only: Leave out the default properties that every team has.
            timeout: Seconds for the whole call; None for no limit.

        Raises:
            LoopsError: The call failed.
        """
        query = {"list": "custom" if custom_only else "all"}
        return (await self._call(LIST, self._deadline(timeout), query=query)).value

    async def create(
        self,
        name: str,
        type: PropertyType | Literal["string", "number", "boolean", "date"],  # noqa: A002
        *,
        timeout: Timeout = UNSET,
    ) -> None:
        """Create a custom property (https://loops.so/docs/api-reference/create-contact-property).

        A property cannot be renamed, changed or deleted through the API.

        Args:
            name: The name used in requests, in camelCase, such as ``planName``: ASCII letters and
                digits, beginning with a lowercase letter.
            type: ``string``, ``number``, ``boolean`` or ``date``.
            timeout: Seconds for the whole call; None for no limit.

        Raises:
            InvalidInput: The name or the type is not valid; nothing was sent.
            BadRequest: The property exists already, or Loops does not accept its name.
            OutcomeUnknown: The property may have been created; check with ``list``.
            LoopsError: Any other failure.
        """
        check_property_name(name)
        _check_camel_case(name)
        types = [known.value for known in PropertyType]
        if type not in types:
            raise InvalidInput(f"type: must be one of {', '.join(types)}", field="type")
        body = encode_json({"name": name, "type": PropertyType(type)})
        await self._call(CREATE, self._deadline(timeout), body=body)


def _check_camel_case(name: str) -> None:
    """Raise InvalidInput unless ``name`` is in camelCase, which Loops requires here."""
    if _CAMEL_CASE.fullmatch(name):
        return
    words = [word.lower() if word.isupper() else word for word in _WORD.findall(name)]
    words = [word[:1].upper() + word[1:] for word in words]
    meant = words[0][:1].lower() + words[0][1:] + "".join(words[1:]) if words else ""
    fix = repr(meant) if _CAMEL_CASE.fullmatch(meant) else "a name such as 'planName'"
    raise InvalidInput(
        f"name: {masked(name)!r} is not in camelCase, which Loops requires; use {fix}",
        field="name",
    )
