"""rich, which reads the fields of attrs classes and ignores their repr, shows no values either."""

import importlib
import io
import pkgutil
from typing import Any

import attrs
import pytest
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

import loops_async
from loops_async import (
    UNSET,
    Attachment,
    Contact,
    ContactCreate,
    ContactReceipt,
    ContactUpdate,
    Event,
    Outcome,
    SendReceipt,
    TransactionalEmail,
)

SECRETS = ("ada@", "Lovelace", "s3cret", "user-7", "diagnosis-x", "%PDF")
PROPERTIES = {"plan": "s3cret", "diagnosis": "diagnosis-x"}


@attrs.frozen(kw_only=True)
class Customer(ContactUpdate):
    plan: str = "free"


@attrs.frozen(kw_only=True)
class FoundCustomer(Contact):
    plan: str = "free"


@attrs.frozen(kw_only=True)
class OurEvent(Event):
    pass


UPDATE = ContactUpdate(
    email="ada@example.com", last_name="Lovelace", user_group=None, user_id="user-7",
    properties=PROPERTIES, mailing_lists={"l1": True},
)  # fmt: skip
UPDATE_SHOWN = (
    "ContactUpdate(email=…, user_id=…, last_name=…, user_group=None, mailing_lists={l1}, "
    "properties={plan, diagnosis})"
)
RECORDS: list[tuple[object, str]] = [
    (UPDATE, UPDATE_SHOWN),
    (ContactCreate(email="ada@example.com", last_name=UNSET), "ContactCreate(email=…)"),
    (Customer(email="ada@example.com", plan="s3cret"), "Customer(email=…, plan=…)"),
    (Contact(id="c1", email="ada@example.com", properties=PROPERTIES), "Contact(id='c1')"),
    (FoundCustomer(id="c1", email="ada@example.com", plan="s3cret"), "FoundCustomer(id='c1')"),
    (Event(event_name="signup", email="ada@example.com", properties=PROPERTIES),
     "Event(event_name=…, email=…, properties={plan, diagnosis})"),
    (OurEvent(event_name="s3cret", user_id="user-7", contact={"last_name": "Lovelace"}),
     "OurEvent(event_name=…, user_id=…, contact={last_name})"),
    (TransactionalEmail(transactional_id="t", email="ada@example.com",
                        data_variables={"x": "s3cret"},
                        attachments=[Attachment("s3cret.pdf", b"%PDF")]),
     "TransactionalEmail(transactional_id=…, email=…, data_variables={x}, attachments=…)"),
    (Attachment("s3cret.pdf", b"%PDF"), "Attachment(filename=…, data=…, content_type=…)"),
    (Event(event_name="e", email="a@b.c", properties={"ada@example.com": 1}),
     "Event(event_name=…, email=…, properties={…@…})"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "shown"), RECORDS, ids=range(len(RECORDS)))
def test_rich_shows_what_the_repr_shows(record: object, shown: str) -> None:
    assert repr(record) == shown
    assert pretty_repr(record, max_width=1000) == shown
    inside = pretty_repr({"records": [record]}, max_width=1000)
    assert inside == f"{{'records': [{shown}]}}"
    narrow = pretty_repr(record, max_width=20, max_string=3, max_length=1)
    assert not any(secret in narrow for secret in SECRETS)


def test_rich_shows_what_holds_a_record_without_its_values() -> None:
    held = [
        Outcome(0, UPDATE, "c1", None, 1),
        Outcome(0, None, None, None, 0, row={"email": "ada@example.com"}),
        SendReceipt("s3cret"),
        ContactReceipt("c1"),
    ]
    shown = pretty_repr(held, max_width=1000)
    assert "ContactUpdate(email=…" in shown
    assert "ContactReceipt(id='c1'" in shown
    assert not any(secret in shown for secret in SECRETS)


def test_a_traceback_of_rich_with_local_variables_shows_no_values() -> None:
    def call(record: object, receipt: object) -> None:
        raise ZeroDivisionError

    out = io.StringIO()
    for record, _ in RECORDS:
        try:
            call(record, SendReceipt("s3cret"))
        except ZeroDivisionError as error:
            traceback = Traceback.from_exception(
                ZeroDivisionError, error, error.__traceback__, show_locals=True
            )
            # Without the source lines, which are those of this file.
            for stack in traceback.trace.stacks:
                for frame in stack.frames:
                    frame.filename = "<none>"
                stack.frames = [frame for frame in stack.frames if frame.name == "call"]
            Console(file=out, width=200).print(traceback)
    assert "record = Event(" in out.getvalue()
    assert not any(secret in out.getvalue() for secret in SECRETS)


def classes() -> set[type]:
    """Every attrs class of the package."""
    found: set[type] = set()
    for module in pkgutil.walk_packages(loops_async.__path__, "loops_async."):
        if not module.name.endswith(("__main__", "plugin")):
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, type) and value.__module__ == module.name and attrs.has(value):
                    found.add(value)
    return found


def has_own_repr(kind: Any) -> bool:
    """Whether the class has a repr that neither attrs nor Python made."""
    method = kind.__repr__
    code = getattr(method, "__code__", None)
    return code is not None and not code.co_filename.startswith("<attrs generated")


def test_a_class_with_a_repr_of_its_own_has_one_for_rich() -> None:
    own = {kind for kind in classes() if has_own_repr(kind)}
    assert {"Event", "Contact", "Attachment"} <= {kind.__name__ for kind in own}
    assert {kind.__name__ for kind in own if not hasattr(kind, "__rich_repr__")} == set()
