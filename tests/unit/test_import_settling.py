"""What stops an import at its columns, and the ways out that it names."""

import pytest

from loops_async.importer.errors import ColumnsRefused
from loops_async.importer.mapping import Account, parse_mappings, plan_columns
from loops_async.importer.options import ImportOptions
from loops_async.importer.planning import find_objection, propose
from loops_async.importer.type_inference import FileScan, ScannedColumn

FILE = FileScan(
    (
        ScannedColumn("email", 3, "string"),
        ScannedColumn("properties", 2, None, nested=3),
        ScannedColumn("plan", 3, "string"),
        ScannedColumn("empty", 0, None),
    ),
    readable=3,
    unreadable=0,
)


def problem(
    *mappings: str, survey: FileScan = FILE, create: bool = False, ignore: bool = False
) -> str | None:
    choices = ImportOptions(mappings=mappings, create_properties=create, ignore_unknown=ignore)
    plan = plan_columns(
        survey.headers,
        Account(),
        parse_mappings(mappings),
        allow_new=choices.create_properties,
        nested=survey.nested,
    )
    return find_objection(plan, survey, propose(plan, survey, Account())[1], choices)


def test_a_column_of_lists_or_objects_stops_it_where_properties_are_made() -> None:
    assert problem(create=True) == (
        "These columns contain lists or objects, which a contact property cannot hold:\n"
        '  "properties", first on line 3; --map "properties=" leaves it out\n'
        "Split them into columns of their own, leave them out one by one with --map, or leave out "
        "all columns that Loops does not know with --ignore-unknown."
    )


def test_no_property_is_offered_for_it() -> None:
    nested, _, unknown = (problem() or "").partition("Loops does not have contact properties for")
    assert "--create-properties" not in nested
    assert '"plan"' in unknown
    assert '"properties"' not in unknown


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("target", ["fresh", "fresh:string"])
def test_nor_is_one_made_where_a_mapping_names_it(target: str, create: bool) -> None:
    with pytest.raises(ColumnsRefused, match="no property can be created") as refused:
        problem(f"properties={target}", create=create)
    assert "--create-properties" not in str(refused.value)
    assert '--map "properties="' in str(refused.value)


@pytest.mark.parametrize("create", [False, True])
def test_it_stops_nothing_where_it_is_to_be_left_out(create: bool) -> None:
    assert problem(create=create, ignore=True) is None
    assert problem("properties=", "plan=", create=create) is None


def test_a_type_is_offered_that_the_values_can_be_read_as() -> None:
    columns = (
        ScannedColumn("email", 3, "string"),
        ScannedColumn("VIP", 3, "string", "looks odd", "boolean"),
    )
    said = problem(survey=FileScan(columns, 3, 0), create=True)
    assert said is not None
    assert said.endswith(
        'or choose the type: --map "VIP=vip:boolean" (rows with other values are rejected) or '
        '--map "VIP=vip:string"'
    )
    columns = (ScannedColumn("email", 3, "string"), ScannedColumn("on", 3, "string", "looks odd"))
    said = problem(survey=FileScan(columns, 3, 0), create=True)
    assert said is not None
    assert said.endswith('or choose the type: --map "on=on:string"')
