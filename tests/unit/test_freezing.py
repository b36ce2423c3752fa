import copy
from typing import Any

import attrs
import pytest

from loops_async import ContactReceipt
from loops_async.api.contacts import UPDATE
from loops_async.pipeline.messages import Lane, Reply, Request, received, write
from loops_async.records.contacts import receipt_of

MADE: list[tuple[object, object]] = [
    (
        write(UPDATE, b"{}", Lane.BULK, 5.0),
        Request(UPDATE, body=b"{}", lane=Lane.BULK, deadline=5.0),
    ),
    (received(200, {"a": "b"}, b"{}", "key"), Reply(200, {"a": "b"}, b"{}", "key")),
    (receipt_of("c1", 2, False), ContactReceipt("c1", attempts=2)),
]
NAMES = [type(same).__name__ for _, same in MADE]


@pytest.mark.parametrize(("made", "same"), MADE, ids=NAMES)
def test_what_is_filled_is_what_the_constructor_makes(made: Any, same: Any) -> None:
    assert type(made) is type(same)
    assert made == same
    assert repr(made) == repr(same)
    assert copy.copy(made) == same
    for field in attrs.fields(type(same)):
        assert getattr(made, field.name) == getattr(same, field.name)


@pytest.mark.parametrize(("made", "same"), MADE, ids=NAMES)
def test_what_is_filled_is_as_frozen(made: Any, same: Any) -> None:
    name = attrs.fields(type(same))[0].name
    for one in (made, same):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(one, name, 1)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            delattr(one, name)
        with pytest.raises(AttributeError):
            one.anything_else = 1
