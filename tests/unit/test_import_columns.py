from typing import Literal

import pytest

from loops_async.importer.column_names import camel_case
from loops_async.importer.errors import ColumnsRefused
from loops_async.importer.mapping import (
    Account,
    ColumnPlan,
    Target,
    UnknownColumn,
    parse_mappings,
    plan_columns,
)
from loops_async.importer.planning import NewProperty, adopt, propose
from loops_async.importer.type_inference import FileScan, ScannedColumn
from loops_async.records.contact_properties import ContactProperty, PropertyType


def known(key: str, label: str, declared: str = "string") -> ContactProperty:
    return ContactProperty(key, label, PropertyType(declared))


PROPERTIES = (
    known("email", "Email"),
    known("firstName", "First Name"),
    known("subscribed", "Subscribed", "boolean"),
    known("memberRating", "Rating of the member", "number"),
    known("plan", "Plan Name"),
    known("trialEnds", "Trial ends", "date"),
    known("notes", "Notes"),
)


def planned(*headers: str, mappings: dict[str, str] | None = None, new: bool = False) -> ColumnPlan:
    return plan_columns(headers, Account(PROPERTIES), mappings or {}, allow_new=new)


def targets(plan: ColumnPlan) -> dict[str, str]:
    return {p.column: str(p.target) for p in plan.columns}


def refused(*headers: str, mappings: dict[str, str] | None = None, new: bool = False) -> str:
    with pytest.raises(ColumnsRefused) as caught:
        planned(*headers, mappings=mappings, new=new)
    return str(caught.value)


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("Email Address", "email"),
        ("email_address", "email"),
        ("E-mail", "email"),
        ("EMAIL", "email"),
        ("Subscriber Email", "email"),
        ("E-mail 1 - Value", "email"),
        ("E-Mail-Adresse", "email"),
        ("Adresse e-mail", "email"),
        ("Correo electrónico", "email"),
        ("Correo electro\u0301nico", "email"),
    ],
)
def test_spellings_of_an_address_map_by_themselves(header: str, target: str) -> None:
    assert targets(planned(header)) == {header: target}


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("First Name", "first_name"),
        ("FNAME", "first_name"),
        ("given-name", "first_name"),
        ("Last Name", "last_name"),
        ("LNAME", "last_name"),
        ("Surname", "last_name"),
        ("Family Name", "last_name"),
        ("Nachname", "last_name"),
        ("Nom de famille", "last_name"),
        ("Apellidos", "last_name"),
        ("Given Name", "first_name"),
        ("Vorname", "first_name"),
        ("Prénom", "first_name"),
        ("PRENOM", "first_name"),
        ("User ID", "user_id"),
        ("userId", "user_id"),
        ("External ID", "user_id"),
        ("User Group", "user_group"),
        ("Source", "source"),
        ("Signup Source", "source"),
        ("Subscribed", "subscribed"),
        ("MEMBER_RATING", "memberRating"),
        ("Rating of the member", "memberRating"),
        ("plan name", "plan"),
        ("trial_ends", "trialEnds"),
    ],
)
def test_known_spellings_and_properties_map_by_themselves(header: str, target: str) -> None:
    assert targets(planned("email", header))[header] == target


@pytest.mark.parametrize(
    "header",
    [
        "Status",
        "Opt-in",
        "Subscription Status",
        "unsubscribed",
        "is_subscribed",
        "Marketing consent",
    ],
)
def test_no_vague_column_subscribes_anybody(header: str) -> None:
    assert planned("email", header).unknown == (UnknownColumn(header),)


@pytest.mark.parametrize(
    "header", ["id", "ID", "Name", "Nombre", "Nom", "Customer", "Notes", "updatedAt", "???"]
)
def test_a_column_that_is_not_surely_something_is_unknown(header: str) -> None:
    assert planned("email", header).unknown == (UnknownColumn(header),)


def test_a_name_loops_keeps_matches_no_column_even_when_listed() -> None:
    plan = plan_columns(
        ["email", "updatedAt"], Account([known("updatedAt", "Updated", "date")]), {}
    )
    assert plan.unknown == (UnknownColumn("updatedAt"),)


def test_a_property_brings_its_type() -> None:
    plan = planned("email", "Member Rating", "subscribed")
    assert [p.target for p in plan.columns] == [
        Target("field", "email", "string"),
        Target("property", "memberRating", "number"),
        Target("field", "subscribed", "boolean"),
    ]


def test_a_property_goes_before_another_tools_word_for_a_default_field() -> None:
    plan = plan_columns(["email", "Surname"], Account([known("surname", "Surname")]), {})
    assert targets(plan)["Surname"] == "surname"


def test_an_exact_key_goes_before_a_similar_one_and_similar_ones_need_a_choice() -> None:
    twins = [known("planName", "A"), known("plan_name", "B")]
    assert (
        targets(plan_columns(["email", "plan_name"], Account(twins), {}))["plan_name"]
        == "plan_name"
    )
    with pytest.raises(ColumnsRefused, match="planName and plan_name"):
        plan_columns(["email", "Plan Name"], Account(twins), {})
    chosen = plan_columns(["email", "Plan Name"], Account(twins), {"Plan Name": "planName"})
    assert targets(chosen)["Plan Name"] == "planName"


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("first_name", "first_name"),
        ("firstName", "first_name"),
        ("user_group", "user_group"),
        ("plan", "plan"),
        ("mailingLists.cm06f5v0e45nf0ml5754o9cix", "mailingLists.cm06f5v0e45nf0ml5754o9cix"),
    ],
)
def test_a_mapping_takes_either_spelling_a_key_or_a_list(wanted: str, target: str) -> None:
    plan = planned("email", "X", mappings={"X": wanted})
    assert targets(plan)["X"] == target


def test_a_mailing_list_column_is_a_boolean() -> None:
    plan = planned("email", "X", mappings={"X": "mailingLists.abc"})
    assert plan.columns[1].target == Target("list", "abc", "boolean")


def test_a_mapping_wins_and_the_column_it_displaces_is_named_as_unknown() -> None:
    plan = planned("Email", "Work Email", mappings={"Work Email": "email"})
    assert targets(plan) == {"Work Email": "email"}
    assert plan.unknown == (UnknownColumn("Email"),)


def test_an_empty_mapping_leaves_a_column_out() -> None:
    plan = planned("email", "First Name", mappings={"First Name": ""})
    assert targets(plan) == {"email": "email"}
    assert (plan.unknown, plan.left_out) == ((), ("First Name",))


@pytest.mark.parametrize("name", ["id", "listId", "softDeleteAt", "teamId", "updatedAt"])
def test_names_loops_keeps_are_refused(name: str) -> None:
    assert "reserved by Loops" in refused("email", "X", mappings={"X": name}, new=True)


def test_two_columns_for_one_target_are_refused_by_name() -> None:
    by_name = refused("Email", "First Name", "FNAME")
    assert '"First Name"' in by_name
    assert '"FNAME"' in by_name
    by_mapping = refused("Email", "A", "B", mappings={"A": "plan", "B": "plan"})
    assert '"A"' in by_mapping
    assert '"B"' in by_mapping


def test_a_mapping_for_a_column_that_is_not_there_suggests_the_one_that_is() -> None:
    assert 'did you mean "Email Address"?' in refused(
        "Email Address", mappings={"email adress": "email"}
    )


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [("plam", "plan"), ("e-mail", "email"), ("fname", "firstName"), ("Trial ends", "trialEnds")],
)
def test_a_mapping_to_something_loops_does_not_have_suggests_what_it_has(
    wanted: str, meant: str
) -> None:
    assert f"did you mean {meant}?" in refused("email", "X", mappings={"X": wanted})


def test_nombre_is_a_first_name_beside_a_last_one() -> None:
    plan = planned("Correo electrónico", "Nombre", "Apellidos")
    assert list(targets(plan).values()) == ["email", "first_name", "last_name"]


def test_a_mapping_that_could_be_a_new_property_names_the_option_that_makes_it() -> None:
    hint = "; --create-properties would create it"
    assert hint in refused("email", "X", mappings={"X": "companySize"})
    for impossible in ("company size", "trialends", "optInStatus"):
        assert hint not in refused("email", "X", mappings={"X": impossible})


def test_a_mapping_may_give_the_type_of_the_property_to_be_made() -> None:
    plan = planned("email", "X", mappings={"X": "joined:date"}, new=True)
    assert plan.unknown == (UnknownColumn("X", "joined", "date"),)


@pytest.mark.parametrize(
    ("wanted", "new", "said"),
    [
        ("joined:date", False, "add --create-properties"),
        ("joined:text", True, "a string, a number, a boolean or a date"),
        ("joined:", True, "a string, a number, a boolean or a date"),
        ("plan:number", True, "plan already exists and is a string"),
        ("firstName:date", True, "first_name already exists"),
        ("mailingLists.abc:string", True, "mailingLists.abc already exists"),
        ("id:string", True, "reserved by Loops"),
        ("trialends:date", True, "did you mean trialEnds?"),
        (":date", True, "which is not a default field"),
    ],
)
def test_a_type_is_refused_where_it_means_nothing(wanted: str, new: bool, said: str) -> None:
    assert said in refused("email", "X", mappings={"X": wanted}, new=new)


@pytest.mark.parametrize("new", [False, True])
def test_a_type_is_accepted_where_the_property_is_there_and_has_it(new: bool) -> None:
    plan = planned("email", "X", mappings={"X": "trialEnds:date"}, new=new)
    assert plan.columns[1].target == Target("property", "trialEnds", "date")


def test_a_type_that_the_user_gave_goes_before_the_one_of_the_values() -> None:
    plan = planned("email", "X", mappings={"X": "joined:date"}, new=True)
    survey = FileScan((ScannedColumn("X", 1, "string", "looks odd"),), 1, 0)
    assert propose(plan, survey, Account(PROPERTIES))[1] == (NewProperty("X", "joined", "date"),)


def test_a_remark_on_the_values_comes_with_the_proposal() -> None:
    plan = planned("email", "X", mappings={"X": "joined"}, new=True)
    survey = FileScan((ScannedColumn("X", 1, "string", "looks odd"),), 1, 0)
    assert propose(plan, survey, Account(PROPERTIES))[1] == (
        NewProperty("X", "joined", "string", "looks odd"),
    )


def test_a_mailing_list_without_an_id_is_refused() -> None:
    assert "id after the dot" in refused("email", "X", mappings={"X": "mailingLists."})


def test_without_an_address_or_an_id_the_columns_are_refused_with_the_way_out() -> None:
    message = refused("First Name", "Post")
    assert '--map "COLUMN=email"' in message
    assert '"Post"' in message


def test_a_user_id_alone_is_enough() -> None:
    assert targets(planned("User ID")) == {"User ID": "user_id"}


def test_a_property_of_a_type_unknown_here_is_refused_by_name() -> None:
    with pytest.raises(ColumnsRefused, match="tree as json"):
        plan_columns(["email", "tree"], Account([known("tree", "Tree", "json")]), {})


def test_mappings_are_parted_at_the_last_equals_sign() -> None:
    assert parse_mappings(["Email Address=email", "a=b = plan", "Notes="]) == {
        "Email Address": "email",
        "a=b": "plan",
        "Notes": "",
    }


@pytest.mark.parametrize("texts", [["email"], ["=email"], ["A=x", "A=y"]])
def test_a_mapping_that_says_nothing_clear_is_refused(texts: list[str]) -> None:
    with pytest.raises(ColumnsRefused, match="--map"):
        parse_mappings(texts)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("MEMBER_RATING", "memberRating"),
        ("Signup source (first)", "signupSourceFirst"),
        ("lastChanged", "lastChanged"),
        ("VIP", "vip"),
        ("HTMLPage", "htmlPage"),
        ("Größe", "grosse"),
        ("Prénom", "prenom"),
        ("Address 2", "address2"),
        ("2nd address", "column2NdAddress"),
        ("李小龙", ""),
    ],
)
def test_names_of_columns_become_names_of_properties(name: str, key: str) -> None:
    assert camel_case(name) == key


def proposals_for(
    *headers: str, mappings: dict[str, str] | None = None
) -> tuple[tuple[NewProperty, ...], ColumnPlan]:
    plan = planned("email", *headers, mappings=mappings, new=True)
    columns = (
        ScannedColumn("email", 1, "string"),
        *(ScannedColumn(h, 1, "number") for h in headers),
    )
    return propose(plan, FileScan(columns, 1, 0), Account(PROPERTIES))[1], plan


def test_proposed_names_meet_no_name_that_is_taken() -> None:
    proposals, _ = proposals_for("id", "NOTES", "createdAt", "李", "Seats (a)", "seats a")
    assert [p.key for p in proposals] == [
        "importedId",
        "importedNotes",
        "importedCreatedAt",
        "column5",
        "seatsA",
        "importedSeatsA",
    ]


def test_a_mapping_may_name_the_property_to_be_made() -> None:
    proposals, plan = proposals_for("stars", "LEID", mappings={"LEID": "stars"})
    assert plan.unknown == (UnknownColumn("stars"), UnknownColumn("LEID", "stars"))
    assert [(p.column, p.key) for p in proposals] == [("stars", "importedStars"), ("LEID", "stars")]
    assert "both go to stars" in refused(
        "email", "A", "B", mappings={"A": "stars", "B": "stars"}, new=True
    )


def test_a_near_miss_of_a_property_is_never_made_anew() -> None:
    assert "did you mean trialEnds?" in refused("email", "X", mappings={"X": "trialends"}, new=True)


def test_a_column_without_a_value_is_not_proposed() -> None:
    plan = planned("email", "Phone")
    survey = FileScan((ScannedColumn("email", 1, "string"), ScannedColumn("Phone", 0, None)), 1, 0)
    assert propose(plan, survey, Account(PROPERTIES))[1] == ()


def test_adopted_proposals_are_targets_and_no_longer_unknown() -> None:
    proposals, plan = proposals_for("LEID", "Other")
    plan = adopt(plan, proposals[:1])
    assert plan.columns[-1].target == Target("property", "leid", "number")
    assert plan.unknown == (UnknownColumn("Other"),)


def recognised(
    *columns: ScannedColumn, properties: tuple[ContactProperty, ...]
) -> tuple[ColumnPlan, list[str]]:
    survey = FileScan((ScannedColumn("email", 1, "string"), *columns), 1, 0)
    plan = plan_columns(survey.headers, Account(properties), {}, allow_new=True)
    plan, new = propose(plan, survey, Account(properties))
    return plan, [proposal.key for proposal in new]


@pytest.mark.parametrize("found", ["string", "number", "date", "boolean"])
def test_a_property_that_an_import_made_is_found_again_and_the_user_is_told_why(
    found: Literal["string", "number", "date", "boolean"],
) -> None:
    there = known("importedNotes", "Imported notes")
    plan, new = recognised(ScannedColumn("Notes", 1, found), properties=(there,))
    assert targets(plan) == {"email": "email", "Notes": "importedNotes"}
    assert new == []
    assert not plan.unknown
    assert str(plan.columns[1]) == 'column "Notes" → importedNotes (notes is Loops\' own field)'


def test_a_new_number_comes_with_a_clash_of_types_alone() -> None:
    number = known("importedNotes", "Imported notes", "number")
    plan, new = recognised(ScannedColumn("Notes", 1, "string"), properties=(number,))
    assert (targets(plan), new) == ({"email": "email"}, ["importedNotes2"])
    text = known("importedNotes2", "Imported notes 2")
    plan, new = recognised(ScannedColumn("Notes", 1, "string"), properties=(number, text))
    assert (targets(plan)["Notes"], new) == ("importedNotes2", [])


def test_a_column_that_is_called_after_its_place_is_found_again_beside_the_reasons() -> None:
    there = known("column2", "Column 2")
    for columns in (
        [ScannedColumn("李", 1, "string")],
        [ScannedColumn("loops_error", 1, "string"), ScannedColumn("李", 1, "string")],
    ):
        survey = FileScan((*columns[:-1], ScannedColumn("email", 1, "string"), columns[-1]), 1, 0)
        plan = plan_columns(survey.headers, Account((there,)), {}, allow_new=True)
        plan, _ = propose(plan, survey, Account((there,)))
        assert targets(plan)["李"] == "column2"


def test_a_proposal_says_why_it_is_not_called_as_its_column() -> None:
    proposals, plan = proposals_for("stars", "LEID", "id", mappings={"LEID": "stars"})
    why = {p.column: p.why for p in proposals}
    assert why == {
        "stars": 'stars is for column "LEID"',
        "LEID": "",
        "id": "id is Loops' own field",
    }
    assert [planned.why for planned in adopt(plan, proposals).columns[1:]] == [*why.values()]
