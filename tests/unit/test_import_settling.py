"""What stops an import at its columns, and the ways out that it names."""

import pytest

from loops_async.cli.columns import plan_columns, read_mappings
from loops_async.cli.proposals import propose
from loops_async.cli.refusals import ColumnsRefused
from loops_async.cli.settling import Choices, objection
from loops_async.cli.survey import Column, Survey

FILE = Survey(
    (
        Column("email", 3, "string"),
        Column("properties", 2, None, nested=3),
        Column("plan", 3, "string"),
        Column("empty", 0, None),
    ),
    rows=3,
    rejected=0,
)


def problem(
    *mappings: str, survey: Survey = FILE, create: bool = False, ignore: bool = False
) -> str | None:
    choices = Choices(mappings=mappings, create_properties=create, ignore_unknown=ignore)
    plan = plan_columns(
        survey.headers,
        (),
        read_mappings(mappings),
        allow_new=choices.create_properties,
        nested=survey.nested,
    )
    return objection(plan, survey, propose(plan, survey, ()), choices)


def test_a_column_of_lists_or_objects_stops_it_where_properties_are_made() -> None:
    assert problem(create=True) == (
        "These columns hold lists or objects, which no property can:\n"
        '  "properties", first on line 3; --map "properties=" leaves it out\n'
        "Flatten them into columns of their own, leave them out one by one with --map, or leave "
        "out all that Loops does not know with --ignore-unknown."
    )


def test_no_property_is_offered_for_it() -> None:
    nested, _, unknown = (problem() or "").partition("Loops has no place for")
    assert "--create-properties" not in nested
    assert '"plan"' in unknown
    assert '"properties"' not in unknown


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("target", ["fresh", "fresh:string"])
def test_nor_is_one_made_where_a_mapping_names_it(target: str, create: bool) -> None:
    with pytest.raises(ColumnsRefused, match="lists or objects, which no property can") as refused:
        problem(f"properties={target}", create=create)
    assert "--create-properties" not in str(refused.value)
    assert '--map "properties="' in str(refused.value)


@pytest.mark.parametrize("create", [False, True])
def test_it_stops_nothing_where_it_is_to_be_left_out(create: bool) -> None:
    assert problem(create=create, ignore=True) is None
    assert problem("properties=", "plan=", create=create) is None


def test_a_type_is_offered_that_the_values_can_be_read_as() -> None:
    columns = (Column("email", 3, "string"), Column("VIP", 3, "string", "looks odd", "boolean"))
    said = problem(survey=Survey(columns, 3, 0), create=True)
    assert said is not None
    assert said.endswith(
        'or say the type yourself: --map "VIP=vip:boolean" (rows of other values are rejected) or '
        '--map "VIP=vip:string"'
    )
    columns = (Column("email", 3, "string"), Column("on", 3, "string", "looks odd"))
    said = problem(survey=Survey(columns, 3, 0), create=True)
    assert said is not None
    assert said.endswith('yourself: --map "on=on:string"')
