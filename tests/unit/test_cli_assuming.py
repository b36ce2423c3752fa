"""Where columns would go when Loops is not asked."""

import pytest

from loops_async.cli.assuming import assume_columns
from loops_async.cli.columns import Plan
from loops_async.cli.refusals import ColumnsRefused
from loops_async.cli.settling import Choices
from loops_async.cli.survey import Column, Survey

FILE = Survey(
    columns=(
        Column("Email", 3, "string"),
        Column("Seats", 3, "number"),
        Column("Since", 3, "string", "3 of 3 values look like dates"),
        Column("Empty", 0, None),
    ),
    rows=3,
    rejected=0,
)


def assumed(*mappings: str, **flags: bool) -> tuple[Plan, list[str], str]:
    said: list[str] = []
    plan, new = assume_columns(FILE, Choices(mappings=mappings, **flags), said.append)
    return plan, [proposal.key for proposal in new], "\n".join(said)


def places(plan: Plan) -> dict[str, tuple[str, str]]:
    return {p.column: (str(p.target), p.target.type) for p in plan.columns}


def test_what_the_account_may_have_is_judged_by_the_values() -> None:
    plan, new, said = assumed()
    assert places(plan) == {
        "Email": ("email", "string"),
        "Seats": ("seats", "number"),
        "Since": ("since", "string"),
    }
    assert new == ["seats", "since"]
    assert "Loops was not asked" in said
    assert '"Since": since (string, by its values); 3 of 3 values look like dates' in said


def test_a_mapping_may_name_any_property_and_any_list() -> None:
    plan, new, _ = assumed("Seats=my_places", "Since=mailingLists.abc")
    assert places(plan) == {
        "Email": ("email", "string"),
        "Seats": ("my_places", "number"),
        "Since": ("mailingLists.abc", "boolean"),
    }
    assert new == []


def test_what_is_left_out_if_it_is_unknown_is_not_judged() -> None:
    plan, new, said = assumed(ignore_unknown=True)
    assert places(plan) == {"Email": ("email", "string")}
    assert new == []
    assert 'not judged: "Seats", "Since", "Empty"' in said


def test_a_property_to_be_made_has_the_type_that_was_said() -> None:
    plan, new, _ = assumed("Seats=places:string", create_properties=True, ignore_unknown=True)
    assert places(plan)["Seats"] == ("places", "string")
    assert new == ["places", "since"]


@pytest.mark.parametrize("create", [False, True])
def test_lists_and_objects_are_refused_unless_they_are_left_out(create: bool) -> None:
    file = Survey((Column("email", 3, "string"), Column("tags", 2, None, nested=4)), 3, 0)
    with pytest.raises(ColumnsRefused, match='"tags", first on line 4') as refused:
        assume_columns(file, Choices(create_properties=create), print)
    assert "--create-properties" not in str(refused.value)
    for choices in (
        Choices(ignore_unknown=True, create_properties=create),
        Choices(mappings=("tags=",), create_properties=create),
        # Loops may have such a property, though none of these values would fit.
        Choices(mappings=("tags=labels",), create_properties=create),
    ):
        assume_columns(file, choices, print)


@pytest.mark.parametrize(
    "mapping", ["Seats=places:string", "Seats=teamId", "Seat=places", "Seats", "Email="]
)
def test_what_no_account_makes_right_is_refused(mapping: str) -> None:
    with pytest.raises(ColumnsRefused):
        assumed(mapping)
