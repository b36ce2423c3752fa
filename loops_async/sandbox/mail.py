"""Reading the body of a transactional send: https://loops.so/docs/api-reference/send-transactional-email.

Nothing is sent here: a body that is refused for its last field must have had no effect.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NoReturn

from loops_async.sandbox.errors import Refusal
from loops_async.sandbox.outbox import Attachment, SentEmail
from loops_async.sandbox.payload import is_array, is_object
from loops_async.sandbox.values import email_address, text

EMAIL_NOT_FOUND = "Transactional email not found."
NO_ATTACHMENTS = "Attachments are not enabled for your account."


def read_email(
    body: Mapping[str, object],
    *,
    key: str | None,
    templates: Mapping[str, Collection[str]] | None,
    attachments: bool,
) -> SentEmail:
    """Read and check a body.

    Args:
        body: The parsed body.
        key: Its idempotency key.
        templates: The transactional emails there are, each with the data variables it must be
            given; None when every id is known and needs none.
        attachments: Whether the team may send files.

    Raises:
        Refusal: 400 naming the first field that breaks a rule, or 404.
    """
    transactional_id = _checked("transactionalId", body.get("transactionalId"))
    email = _read_address(body.get("email"))
    if templates is not None and transactional_id not in templates:
        where = {"path": "transactionalId", "message": EMAIL_NOT_FOUND}
        raise Refusal(404, EMAIL_NOT_FOUND, error=where)
    add_to_audience = body.get("addToAudience")
    if add_to_audience is not None and not isinstance(add_to_audience, bool):
        _refuse("addToAudience", "addToAudience must be a boolean.")
    variables = _read_variables(
        body.get("dataVariables"),
        required=() if templates is None else templates[transactional_id],
        transactional_id=transactional_id,
    )
    return SentEmail(
        transactional_id=transactional_id,
        email=email,
        data_variables=MappingProxyType(variables),
        attachments=_read_attachments(body.get("attachments"), enabled=attachments),
        add_to_audience=bool(add_to_audience),
        idempotency_key=key,
    )


def _read_address(value: object) -> str:
    try:
        return email_address(value)
    except Refusal as refusal:
        _refuse("email", refusal.message)


def _refuse(path: str, message: str) -> NoReturn:
    # "Invalid request or email" in the OpenAPI document.
    raise Refusal(400, message, error={"path": path, "message": message})


def _checked(path: str, value: object, *, name: str | None = None) -> str:
    try:
        found = text(name or path, value)
    except Refusal as refusal:
        _refuse(path, refusal.message)
    if not found:
        _refuse(path, f"{name or path} is required.")
    return found


def _read_variables(
    value: object, *, required: Collection[str], transactional_id: str
) -> dict[str, object]:
    def refuse(message: str) -> NoReturn:
        # "Invalid data variables" in the OpenAPI document.
        where = {"path": "dataVariables", "message": message}
        raise Refusal(400, message, error=where, transactionalId=transactional_id)

    # PHP writes an empty map as [].
    variables: dict[str, object] = {}
    if is_object(value):
        variables = value
    elif value is not None and value != []:
        refuse("dataVariables must be an object.")
    for name, variable in variables.items():
        if not _is_plain(variable) and not _is_array_of_objects(variable):
            refuse(f"Data variable {name} must be a string, a number or an array of objects.")
    # A required variable that is empty counts as missing: loops.so/docs/transactional/guide.
    missing = [name for name in required if variables.get(name, "") == ""]
    if missing:
        refuse(f"Missing required data variable(s): {', '.join(missing)}")
    return variables


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _is_array_of_objects(value: object) -> bool:
    return is_array(value) and all(
        is_object(item) and all(map(_is_plain, item.values())) for item in value
    )


def _read_attachments(value: object, *, enabled: bool) -> tuple[Attachment, ...]:
    if value is None or value == []:
        return ()
    if not enabled:
        raise Refusal(400, NO_ATTACHMENTS, path="attachments")
    if not is_array(value):
        _refuse("attachments", "attachments must be an array of objects.")
    return tuple(
        _read_attachment(f"attachments[{index}]", item) for index, item in enumerate(value)
    )


def _read_attachment(path: str, value: object) -> Attachment:
    if not is_object(value):
        _refuse(path, "attachments must be an array of objects.")
    fields = {
        name: _checked(f"{path}.{name}", value.get(name), name=name)
        for name in ("filename", "contentType", "data")
    }
    try:
        # Line breaks and the URL-safe alphabet are no plain base64.
        data = b64decode(fields["data"], validate=True)
    except (Base64Error, ValueError):
        _refuse(f"{path}.data", "data must be base64.")
    return Attachment(fields["filename"], fields["contentType"], data)
