import asyncio
import copy
import inspect
import pickle
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from loops_async import (
    UNSET,
    Contact,
    ContactCreate,
    ContactUpdate,
    OptInStatus,
    PropertyType,
    Unset,
)
from loops_async.api.contacts import Contacts
from loops_async.codec import to_json
from loops_async.errors import InvalidCall, InvalidInput, LoopsError
from loops_async.records._request_record import build_record
from loops_async.records._validation import DEFAULT_FIELDS, RESERVED, masked

ADA = "ada@example.com"


@attrs.frozen
class AppContact(ContactUpdate):
    plan: str | None | Unset = UNSET
    trial_ends: datetime | Unset = UNSET
    seats: int | Unset = attrs.field(default=UNSET, metadata={"key": "seatCount"})
    origin: str = "app"


class Plain(ContactUpdate):
    """A subclass without attrs."""


def update(**properties: Any) -> ContactUpdate:
    return ContactUpdate(email=ADA, properties=properties)


@pytest.mark.parametrize("value", [
    "", "pro", 0, -1, 2**70, 10**499, 0.1, 5e-324, 1.7e308, True, False, None,
    date(2024, 1, 17), datetime(2024, 1, 17, tzinfo=UTC),
    datetime(2024, 1, 17, tzinfo=timezone(timedelta(hours=-5))), "x" * 500,
])  # fmt: skip
def test_what_loops_takes_in_a_custom_property_is_taken(value: object) -> None:
    assert update(plan=value).properties["plan"] == value


class Thing:
    def __repr__(self) -> str:
        return "S3CRET"


@pytest.mark.parametrize(("value", "says"), [
    (datetime(2024, 1, 17), "without a time zone"),  # noqa: DTZ001
    (float("nan"), "is NaN, a missing value; leave it out"),
    (float("inf"), "not a finite number"),
    (float("-inf"), "not a finite number"),
    ({"S3CRET": 1}, "not dict; flatten"),
    (["S3CRET"], "not list; flatten"),
    (("S3CRET",), "not tuple; flatten"),
    (Thing(), "not Thing; convert"),
    (b"S3CRET", "not bytes; convert"),
    ("S3CRET" * 100, "600 characters"),
    (10**500, "500 digits"),
    ("S3CRET\ud800", "lone surrogate"),
    (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))), "years 1 to 9999"),
    (datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-2))), "years 1 to 9999"),
    (UNSET, "is UNSET; leave its name out"),
])  # fmt: skip
def test_what_loops_cannot_take_is_refused_by_the_propertys_name(value: object, says: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^properties\['plan'\]: .*{says}") as caught:
        update(plan=value)
    assert caught.value.field == "plan"
    assert "S3CRET" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_reserved_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^properties\['{name}'\]: is reserved by Loops"):
        update(**{name: "x"})


def test_the_reserved_names_are_those_of_the_page() -> None:
    assert set(RESERVED) == {"id", "listId", "softDeleteAt", "teamId", "updatedAt"}


@pytest.mark.parametrize(("name", "ours"), DEFAULT_FIELDS.items())
def test_a_name_of_a_default_field_is_refused_with_the_argument_to_use(
    name: str, ours: str
) -> None:
    with pytest.raises(
        InvalidInput, match=rf"^properties\['{name}'\]: is a default field.* pass {ours}="
    ) as caught:
        update(**{name: "x"})
    assert caught.value.field == name


@pytest.mark.parametrize(("name", "says"), [
    ("optInStatus", "set by Loops alone"),
    ("", "non-empty text"),
    (7, "must be non-empty text, not int"),
    ("n" * 501, "501 characters"),
    ("n\udfff", "lone surrogate"),
])  # fmt: skip
def test_a_name_that_no_property_can_have_is_refused(name: Any, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        ContactUpdate(email=ADA, properties={name: "x"})


@pytest.mark.parametrize("refuse", [
    lambda name: update(**{name: float("nan")}),
    lambda name: update(**{name: ["x"]}),
    lambda name: update(**{name: "x" * 501}),
    lambda name: update(**{name: "\ud800"}),
    lambda name: update(**{name: 10**500}),
    lambda name: update(**{name: datetime(2024, 1, 1)}),  # noqa: DTZ001
    lambda name: update(**{name + "x" * 500: 1}),
    lambda name: update(**{name + "\ud800": 1}),
    lambda name: build_record(ContactUpdate, {name: 1}),
])  # fmt: skip
@pytest.mark.parametrize("address", ["ada@private.io", "ada%40private.io", "ada&#64;private.io"])
def test_a_property_whose_name_is_an_address_is_refused_without_the_address(
    refuse: Callable[[str], ContactUpdate], address: str
) -> None:
    with pytest.raises(LoopsError) as caught:
        refuse(address)
    error = caught.value
    for shown in (str(error), repr(error), repr(error.args), repr(vars(error))):
        assert "ada" not in shown
        assert "private" not in shown
    assert b"private" not in pickle.dumps(error)


@pytest.mark.parametrize(("arguments", "says"), [
    ({"email": "S3CRET"}, "email: must be one address"),
    ({"email": ""}, "email: must be one address"),
    ({"email": "S3CRET@x.io "}, "email: must be one address"),
    ({"email": "S3CRET@x.io\n"}, "email: must be one address"),
    ({"email": "S3CRET@a@b"}, "email: must be one address"),
    ({"email": "@S3CRET"}, "email: must be one address"),
    ({"email": 7}, "email: must be text"),
    ({"email": None}, "email: must be text"),
    ({"email": UNSET}, "email: must be text"),
    ({"email": "S3CRET@" + "x" * 500}, "email: has 507 characters"),
    ({"first_name": 7}, "first_name: must be text, None to empty it, or left out, not int"),
    ({"last_name": True}, "last_name: must be text"),
    ({"source": "S3CRET" * 100}, "source: has 600 characters"),
    ({"user_group": "S3CRET\ud800"}, "user_group: contains a lone surrogate"),
    ({"subscribed": 1}, "subscribed: must be True, False, None or left out, not int"),
    ({"subscribed": "yes"}, "subscribed: must be True"),
    ({"user_id": 7}, r"user_id: must be text, not int; pass str\(user_id\)"),
    ({"user_id": " "}, "user_id: is empty"),
    ({"mailing_lists": ["S3CRET"]}, "mailing_lists: must map"),
    ({"mailing_lists": {"S3CRET": "yes"}}, "mailing_lists: must map"),
    ({"mailing_lists": {"S3CRET": 1}}, "mailing_lists: must map"),
    ({"mailing_lists": {7: True}}, "mailing_lists: must map"),
    ({"mailing_lists": {"": True}}, "mailing_lists: must map"),
    ({"mailing_lists": {"S3CRET" * 100: True}}, "mailing_lists: has 600 characters"),
    ({"properties": None}, "properties: must map names to values"),
    ({"properties": ["S3CRET"]}, "properties: must map names to values"),
])  # fmt: skip
def test_a_field_of_the_wrong_kind_is_refused_by_its_name_and_never_repeated(
    arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidInput, match=f"^{says}") as caught:
        ContactCreate(**{"email": ADA, **arguments})
    assert caught.value.field == says.partition(":")[0]
    assert "S3CRET" not in str(caught.value)


def test_a_mapping_that_changes_later_does_not_change_the_record() -> None:
    lists, properties = {"l1": True}, {"plan": "pro"}
    record = ContactUpdate(email=ADA, mailing_lists=lists, properties=properties)
    lists["l2"] = properties["plan"] = True  # type: ignore[assignment]
    assert record == ContactUpdate(
        email=ADA, mailing_lists={"l1": True}, properties={"plan": "pro"}
    )


@pytest.mark.parametrize("kind", [ContactCreate, ContactUpdate, Contacts.create, Contacts.update])
def test_the_docstring_says_that_subscribed_may_resubscribe_a_contact(kind: object) -> None:
    text = " ".join((inspect.getdoc(kind) or "").split())
    assert re.search(r"subscribed: .*(Leave it out|left out)|Leave ``subscribed`` out", text)
    assert "``True`` re-subscribes a contact who has unsubscribed" in text


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        update().email = "b@example.com"  # type: ignore[misc]


def test_a_subclass_checks_its_own_fields_by_their_name_at_loops() -> None:
    with pytest.raises(InvalidInput, match=r"^trialEnds: .*time zone") as caught:
        AppContact(email=ADA, trial_ends=datetime(2024, 1, 1))  # noqa: DTZ001
    assert caught.value.field == "trialEnds"


@pytest.mark.parametrize(("arguments", "key", "attribute"), [
    ({"plan": "a"}, "plan", "plan"),
    ({"trial_ends": datetime(2024, 1, 1, tzinfo=UTC)}, "trialEnds", "trial_ends"),
    ({"seats": 1}, "seatCount", "seats"),
    ({}, "origin", "origin"),
])  # fmt: skip
def test_a_property_given_twice_is_refused(
    arguments: dict[str, Any], key: str, attribute: str
) -> None:
    says = f"{key}: is given twice, as {attribute}= and in properties"
    with pytest.raises(InvalidInput, match=says):
        AppContact(email=ADA, properties={key: "b"}, **arguments)


def test_a_typed_property_that_is_left_out_may_stand_in_properties() -> None:
    assert AppContact(email=ADA, properties={"plan": "b"}).plan is UNSET


def test_two_typed_properties_of_one_name_at_loops_are_refused() -> None:
    @attrs.frozen
    class Twice(ContactUpdate):
        trial_ends: str | Unset = UNSET
        trial: str | Unset = attrs.field(default=UNSET, metadata={"key": "trialEnds"})

    with pytest.raises(InvalidInput, match=r"trialEnds: .*twice"):
        Twice(email=ADA, trial_ends="a", trial="b")


@pytest.mark.parametrize("key", ["id", "email", "optInStatus", ""])
def test_a_typed_property_cannot_take_a_name_that_is_not_free(key: str) -> None:
    @attrs.frozen
    class Misnamed(ContactUpdate):
        mine: str | Unset = attrs.field(default=UNSET, metadata={"key": key})

    with pytest.raises(InvalidInput):
        Misnamed(email=ADA)


def test_a_repr_shows_which_fields_were_given_and_never_what() -> None:
    shown = repr(ContactUpdate(email=ADA, first_name=None, user_id="u", properties={"plan": "pro"}))
    assert shown == "ContactUpdate(email=…, user_id=…, first_name=None, properties={plan})"


@pytest.mark.parametrize("record", [
    AppContact(email=ADA, plan="S3CRET", first_name="S3CRET", properties={"x": "S3CRET"}),
    Plain(email=ADA, first_name="S3CRET", properties={"S3CRET@x.io": "S3CRET"}),
])  # fmt: skip
def test_the_repr_of_a_subclass_shows_no_values(record: ContactUpdate) -> None:
    assert "…" in repr(record)
    for shown in (repr(record), str(record), f"{record}", f"{[record]!r}"):
        assert "S3CRET" not in shown
        assert "ada" not in shown


def test_the_repr_of_a_held_contact_and_of_its_subclass_show_the_id_alone() -> None:
    @attrs.frozen(kw_only=True)
    class Held(Contact):
        plan: str = "S3CRET"

    held = Held(id="c1", email=ADA, first_name="S3CRET", properties={"x": "S3CRET"})
    assert repr(held).endswith("Held(id='c1')")
    assert repr(Contact(id="c1", email=ADA)) == "Contact(id='c1')"


@pytest.mark.parametrize("record", [
    AppContact(email=ADA, plan=None, properties={"x": 1}),
    ContactCreate(email=ADA, mailing_lists={"l": True}),
    Contact(id="c1", email=ADA, opt_in_status=OptInStatus("postponed")),
])  # fmt: skip
def test_records_pickle_and_copy(record: object) -> None:
    assert pickle.loads(pickle.dumps(record)) == record  # noqa: S301
    assert copy.deepcopy(record) == record


def test_unset_stays_itself_and_is_false() -> None:
    assert pickle.loads(pickle.dumps(UNSET)) is UNSET  # noqa: S301
    assert copy.deepcopy(UNSET) is UNSET
    assert not UNSET
    assert repr(UNSET) == "UNSET"


@pytest.mark.parametrize("kind", [OptInStatus, PropertyType])
def test_an_open_enum_keeps_a_word_that_it_does_not_know(
    kind: type[OptInStatus] | type[PropertyType],
) -> None:
    unknown = kind("postponed")
    assert isinstance(unknown, kind)
    assert unknown == "postponed" == unknown.value == str(unknown)
    assert unknown == kind("postponed")
    assert hash(unknown) == hash(kind("postponed"))
    assert unknown not in list(kind)
    assert pickle.loads(pickle.dumps(unknown)) == unknown  # noqa: S301
    assert "postponed" in repr(unknown)


def test_a_known_word_is_the_one_member() -> None:
    assert OptInStatus("accepted") is OptInStatus.ACCEPTED
    with pytest.raises(ValueError, match="is not a valid"):
        OptInStatus(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(("fields", "says"), [
    ({"firstName": "x"}, r"no field 'firstName'; did you mean first_name=\?"),
    ({"plan": "x"}, r"no field 'plan'; custom properties go into properties="),
    ({"emial": "x"}, r"did you mean email=\?"),
    ({7: "x"}, "no field '7'"),
])  # fmt: skip
def test_a_field_that_a_record_has_not_is_refused_with_the_way_out(
    fields: dict[Any, Any], says: str
) -> None:
    with pytest.raises(InvalidCall, match=says):
        build_record(ContactUpdate, {"user_id": "u", **fields})


def test_a_required_field_that_is_missing_is_named() -> None:
    with pytest.raises(InvalidCall, match="ContactCreate needs email="):
        build_record(ContactCreate, {"first_name": "x"})


@pytest.mark.parametrize(("text", "shown"), [
    ("plan", "plan"),
    ("a b@c.io d", "a …@… d"),
    ("b%40c.io", "…@…"),
    ("b\\u0040c.io", "…@…"),
    ("tab\there", "tab here"),
    ("x" * 81, "x" * 79 + "…"),
])  # fmt: skip
def test_a_masked_text_is_short_and_holds_no_address(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize("name", ["first_name", "user_id", "mailing_lists", "user_group"])
def test_a_default_field_in_our_spelling_among_the_properties_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"pass {name}=…, outside of properties") as refused:
        ContactUpdate(email="ada@example.com", properties={name: "S3CRET"})
    assert refused.value.field == name
    assert "S3CRET" not in str(refused.value)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["plan_name", "MEMBER_RATING", "Vorname", "first name"])
def test_any_other_name_of_a_property_is_taken_as_it_is(name: str) -> None:
    assert ContactUpdate(email="ada@example.com", properties={name: 1}).properties == {name: 1}


def test_a_subclass_made_in_the_old_way_shows_no_value_of_ours_either() -> None:
    made = attrs.make_class(
        "Made", {"plan": attrs.field(default=UNSET)}, bases=(ContactUpdate,), frozen=True
    )
    assert "ada" not in repr(made(email="ada@example.com"))


def test_a_subclass_that_skips_the_checks_is_checked_on_its_way_out() -> None:
    @attrs.frozen
    class Careless(ContactUpdate):
        plan: str | Unset = UNSET

        def __attrs_post_init__(self) -> None:
            pass

    with pytest.raises(InvalidInput, match="email"):
        to_json(Careless(email="ada@example.com", properties={"email": "victim@example.com"}))
    with pytest.raises(InvalidInput, match="plan"):
        to_json(Careless(email="ada@example.com", plan="x" * 600))
    with pytest.raises(InvalidInput, match="email: must be one address"):
        to_json(Careless(email="ada"))
    with pytest.raises(InvalidInput, match="first_name: must be text"):
        to_json(Careless(email="ada@example.com", first_name=7))  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="give email or user_id"):
        to_json(Careless(first_name="Ada"))


@pytest.mark.parametrize(("fields", "says"), [
    ({"user_id": 7, "properties": {"id": 1}}, "user_id: must be text"),
    ({"mailing_lists": 7, "email": "ada"}, "mailing_lists: must map"),
    ({"email": "ada", "properties": {"id": 1}}, "email: must be one address"),
    ({"properties": {"id": 1}}, "email: give email or user_id"),
    ({"user_id": 7, "plan": 1}, "ContactUpdate has no field 'plan'"),
])  # fmt: skip
def test_of_two_faults_the_one_that_stands_first_is_told(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(LoopsError, match=f"^{says}") as caught:
        build_record(ContactUpdate, fields)
    assert caught.value.__context__ is None


def test_a_type_error_of_the_users_own_is_not_taken_for_a_misspelt_field() -> None:
    @attrs.frozen
    class Own(ContactUpdate):
        plan: int = attrs.field(default=0, validator=attrs.validators.instance_of(int))

    with pytest.raises(TypeError, match="'plan' must be"):
        build_record(Own, {"email": ADA, "plan": "pro"})


def test_a_subclass_may_require_a_field_of_ours() -> None:
    @attrs.frozen
    class Known(ContactUpdate):
        user_id: str

    assert to_json(Known(user_id="u1", email=ADA)) == {"userId": "u1", "email": ADA}
    with pytest.raises(InvalidInput, match=r"^user_id: is empty"):
        Known(user_id=" ", email=ADA)
    with pytest.raises(InvalidCall, match="Known needs user_id="):
        build_record(Known, {"email": ADA})
    assert pickle.loads(pickle.dumps(ContactUpdate(user_id="u1"))).user_id == "u1"  # noqa: S301


@pytest.mark.parametrize("number", [10**9, -(10**9), 10**499, -(10**499)])
def test_a_long_number_is_taken_on_either_side_of_nought(number: int) -> None:
    assert update(plan=number).properties["plan"] == number
    with pytest.raises(InvalidInput, match="500 digits"):
        update(plan=number * 10**500)


@pytest.mark.parametrize("kind", [ContactUpdate, ContactCreate, Plain])
@pytest.mark.parametrize(("fields", "says"), [
    ({"emial": ADA}, "no field 'emial'; did you mean email=?"),
    ({"email": ADA, "plan": "pro"}, "no field 'plan'"),
    ({"email": ADA, "check": None}, "no field 'check'"),
    ({"email": ADA, "plan": 1, "properties": 7}, "no field 'plan'"),
    ({"email": ADA, "plan": 1, "mailing_lists": 7}, "no field 'plan'"),
])  # fmt: skip
def test_a_field_that_a_record_has_not_is_refused_by_whoever_makes_it(
    kind: Any, fields: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidCall, match=says):
        kind(**fields)


def test_a_create_without_an_email_says_what_it_needs() -> None:
    with pytest.raises(InvalidCall, match="ContactCreate needs email="):
        ContactCreate(first_name="Ada")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def test_a_field_that_attrs_was_not_told_of_is_refused_and_not_lost() -> None:
    class Signup(ContactUpdate):
        plan: str | Unset = UNSET

    class Held(Contact):
        plan: str | None = None

    kind: Any = Signup
    for fields in ({"plan": "pro"}, {}):
        with pytest.raises(InvalidCall, match=r"Signup\.plan: is not a field; write @attrs.frozen"):
            kind(email=ADA, **fields)
    unused: Any = None
    found = Contacts(unused).find(email=ADA, into=Held)
    with pytest.raises(InvalidCall, match=r"Held\.plan: is not a field; write @attrs.frozen"):
        asyncio.run(found)


def test_a_subclass_may_have_a_constructor_of_its_own() -> None:
    class Tenant(ContactUpdate):
        def __init__(self, email: str, tenant: str) -> None:
            object.__setattr__(self, "tenant", tenant)
            super().__init__(email=email)

    @attrs.frozen(slots=False)
    class Planned(ContactUpdate):
        plan: str | Unset = UNSET

        def __init__(self, email: str, plan: str) -> None:
            object.__setattr__(self, "plan", plan)
            super().__init__(email=email)

    tenant: Any = Tenant(ADA, "t1")
    planned: Any = Planned
    assert (tenant.tenant, to_json(tenant)) == ("t1", {"email": ADA})
    assert to_json(planned(ADA, "pro")) == {"email": ADA, "plan": "pro"}


def test_what_somebody_hangs_on_a_record_is_not_sent() -> None:
    record = ContactUpdate(email=ADA)
    object.__setattr__(record, "_seen", True)
    assert to_json(record) == {"email": ADA}


def test_a_record_shows_its_fields_to_whoever_asks_for_its_signature() -> None:
    for kind in (ContactCreate, ContactUpdate):
        names = list(inspect.signature(kind).parameters)
        assert sorted(names) == sorted(a.name for a in attrs.fields(kind))
        assert names[:2] == ["email", "user_id"]
    assert "trial_ends" in inspect.signature(AppContact).parameters
