"""Where columns would go when Loops is not asked."""

from typing import Any

import pytest

from loops_async.cli.rendering import describe_plan
from loops_async.importer.errors import ColumnsRefused
from loops_async.importer.options import ImportOptions
from loops_async.importer.planning import ImportPlan, plan_import
from loops_async.importer.type_inference import FileScan, ScannedColumn

FILE = FileScan(
    columns=(
        ScannedColumn("Email", 3, "string"),
        ScannedColumn("Seats", 3, "number"),
        ScannedColumn("Since", 3, "string", "3 of 3 values look like dates"),
        ScannedColumn("Empty", 0, None),
    ),
    readable=3,
    unreadable=0,
)


def assumed(*mappings: str, **flags: Any) -> tuple[ImportPlan, list[str], str]:
    plan = plan_import(FILE, None, ImportOptions(mappings=mappings, **flags))
    return plan, [new.key for new in plan.new_properties], "\n".join(describe_plan(plan))


def places(plan: ImportPlan) -> dict[str, tuple[str, str]]:
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
    assert 'not checked: "Seats", "Since", "Empty"' in said


def test_a_property_to_be_made_has_the_type_that_was_said() -> None:
    plan, new, _ = assumed("Seats=places:string", create_properties=True, ignore_unknown=True)
    assert places(plan)["Seats"] == ("places", "string")
    assert new == ["places", "since"]


@pytest.mark.parametrize("create", [False, True])
def test_lists_and_objects_are_refused_unless_they_are_left_out(create: bool) -> None:
    file = FileScan(
        (ScannedColumn("email", 3, "string"), ScannedColumn("tags", 2, None, nested=4)), 3, 0
    )
    with pytest.raises(ColumnsRefused, match='"tags", first on line 4') as refused:
        plan_import(file, None, ImportOptions(create_properties=create))
    assert "--create-properties" not in str(refused.value)
    for choices in (
        ImportOptions(ignore_unknown=True, create_properties=create),
        ImportOptions(mappings=("tags=",), create_properties=create),
        # Loops may have such a property, though none of these values would fit.
        ImportOptions(mappings=("tags=labels",), create_properties=create),
    ):
        plan_import(file, None, choices)


@pytest.mark.parametrize(
    "mapping", ["Seats=places:string", "Seats=teamId", "Seat=places", "Seats", "Email="]
)
def test_what_no_account_makes_right_is_refused(mapping: str) -> None:
    with pytest.raises(ColumnsRefused):
        assumed(mapping)
