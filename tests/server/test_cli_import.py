"""``loops-async import``, as a real process against a real socket."""

from pathlib import Path
from typing import Any

import pytest

from loops_async import LoopsClient
from loops_async.sandbox import Faults, ReceivedRequest, Sandbox, StoredProperty
from loops_async.testing import ThreadedSandbox
from tests.ports import free_port
from tests.server.terminal import loops_async, refused

EXPORT = """\ufeff"Email Address","First Name",MEMBER_RATING,OPTIN_TIME,VIP,Nickname
zoe+news@example.com,Zoë,4,2024-01-17 10:21:11,yes,
li@example.com,李小龙,,,,"Bruce, ""the dragon""
of film"
not-an-address,Nobody,1,,,
zoe+news@example.com,Zoë,5,,FALSE,Zo
"""
PROPERTIES = (
    StoredProperty("memberRating", "number"),
    StoredProperty("optinTime", "date"),
    StoredProperty("vip", "boolean"),
    StoredProperty("nickname", "string"),
)


def body(request: ReceivedRequest) -> dict[str, Any]:
    assert isinstance(request.json, dict)
    return request.json


@pytest.fixture
def export(tmp_path: Path) -> str:
    path = tmp_path / "export.csv"
    path.write_text(EXPORT, encoding="utf-8")
    return str(path)


async def test_a_csv_export_goes_in_with_the_types_that_loops_declares(export: str) -> None:
    async with Sandbox(properties=PROPERTIES, rate=None) as sandbox:
        done = await loops_async("import", export, sandbox=sandbox)
        zoe = sandbox.contacts["zoe+news@example.com"]
        li = sandbox.contacts["li@example.com"]
        sent = [body(r) for r in sandbox.requests if r.path == "/v1/contacts/update"]
    assert zoe.first_name == "Zoë"
    assert zoe.properties["memberRating"] == 5
    assert zoe.properties["vip"] is False
    assert zoe.properties["nickname"] == "Zo"
    assert li.first_name == "李小龙"
    assert li.properties["nickname"] == 'Bruce, "the dragon"\nof film'
    # The cells that are empty are not in the request at all.
    of_li = next(fields for fields in sent if fields["email"] == "li@example.com")
    assert set(of_li) == {"email", "firstName", "nickname"}
    of_zoe = next(fields for fields in sent if fields["email"] == "zoe+news@example.com")
    assert of_zoe["optinTime"] == "2024-01-17T10:21:11.000Z"
    assert done.status == 1
    assert "4 rows: 3 imported, 1 rejected" in done.out
    assert 'line 5: column "Email Address" is not an email address' in done.out
    assert "not-an-address" not in done.out + done.err


async def test_a_column_that_loops_does_not_know_is_named_before_anything_is_sent(
    export: str,
) -> None:
    async with Sandbox(properties=PROPERTIES[:3], rate=None) as sandbox:
        done = await loops_async("import", export, sandbox=sandbox)
        assert not sandbox.contacts
        assert {r.method for r in sandbox.requests} == {"GET"}
    assert done.status == 2
    assert '"Nickname": nickname (string, by its values)' in done.err
    for way_out in ("--create-properties", "--ignore-unknown", "--map"):
        assert way_out in done.err


async def test_create_properties_makes_them_first_with_the_type_of_their_values(
    export: str,
) -> None:
    async with Sandbox(rate=None) as sandbox:
        await loops_async("import", export, "--create-properties", sandbox=sandbox)
        made = {prop.key: prop.type for prop in sandbox.properties.values()}
        first_row = next(
            i for i, r in enumerate(sandbox.requests) if r.path == "/v1/contacts/update"
        )
        assert all(r.method == "GET" or body(r)["type"] for r in sandbox.requests[:first_row])
    assert made == {
        "memberRating": "number",
        "optinTime": "date",
        "vip": "boolean",
        "nickname": "string",
    }


async def test_ignore_unknown_and_an_empty_map_leave_columns_out(export: str) -> None:
    async with Sandbox(rate=None) as sandbox:
        done = await loops_async(
            "import", export, "--ignore-unknown", "--map", "First Name=", sandbox=sandbox
        )
        zoe = sandbox.contacts["zoe+news@example.com"]
    assert zoe.first_name is None
    assert not zoe.properties
    assert 'left out: "First Name", "MEMBER_RATING"' in done.err


async def test_map_sends_a_column_to_a_list_and_another_to_a_field(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("who,beta,team\nada@example.com,yes,core\nbob@example.com,no,core\n")
    async with Sandbox(rate=None) as sandbox:
        beta = sandbox.mailing_lists[1].id
        maps = [f"--map={m}" for m in ("who=email", f"beta=mailingLists.{beta}", "team=user_group")]
        done = await loops_async("import", str(path), *maps, sandbox=sandbox)
        assert done.status == 0, done.err
        assert sandbox.contacts["ada@example.com"].mailing_lists == {beta: True}
        assert sandbox.contacts["bob@example.com"].mailing_lists == {}
        assert sandbox.contacts["bob@example.com"].user_group == "core"


async def test_a_mailing_list_that_is_not_there_stops_it_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("email,beta\nada@example.com,yes\n")
    async with Sandbox(rate=None) as sandbox:
        done = await loops_async(
            "import", str(path), "--map", "beta=mailingLists.nope", sandbox=sandbox
        )
        assert not sandbox.contacts
    assert done.status == 2
    assert 'no mailing list "nope"' in done.err


async def test_json_lines_come_from_standard_input_with_their_own_types() -> None:
    rows = b'{"email": "ada@example.com", "seats": 3}\n{"email": "bob@example.com"}\nnonsense\n'
    async with Sandbox(properties=[StoredProperty("seats", "number")], rate=None) as sandbox:
        done = await loops_async("import", "-", sandbox=sandbox, stdin=rows)
        assert sandbox.contacts["ada@example.com"].properties == {"seats": 3}
        assert "bob@example.com" in sandbox.contacts
    assert done.status == 1
    assert "line 3:" in done.out


async def test_empty_as_null_empties_what_loops_holds(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("email,firstName,lastName\nada@example.com,,Lovelace\n")
    async with Sandbox(rate=None) as sandbox:
        async with LoopsClient(sandbox.api_key, base_url=sandbox.url) as loops:
            await loops.contacts.create(email="ada@example.com", first_name="Ada")
        await loops_async("import", str(path), sandbox=sandbox)
        left_out = sandbox.contacts["ada@example.com"]
        await loops_async("import", str(path), "--empty-as-null", sandbox=sandbox)
        emptied = sandbox.contacts["ada@example.com"]
        assert body(sandbox.requests[-1])["firstName"] is None
    assert left_out.first_name == "Ada"
    assert emptied.first_name is None


async def test_a_row_that_loops_refuses_is_named_with_what_loops_said(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("email\nada@example.com\nlinus@example.c\n")
    async with Sandbox(rate=None) as sandbox:
        done = await loops_async("import", str(path), sandbox=sandbox)
    assert done.status == 1
    assert "line 3: Loops said: Invalid email address." in done.out


async def test_rows_that_fail_through_no_fault_of_theirs_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("email\nada@example.com\n")
    gone = f"http://127.0.0.1:{free_port()}/api"
    done = await loops_async(
        "import", str(path), env={"LOOPS_API_KEY": "k", "LOOPS_BASE_URL": gone}
    )
    assert done.status == 4
    assert "no connection to Loops" in done.err


async def test_rejected_rows_of_standard_input_are_kept_on_request_alone(tmp_path: Path) -> None:
    rows = b"email\nnobody\n"
    kept = tmp_path / "kept.csv"
    async with Sandbox(rate=None) as sandbox:
        lost = await loops_async("import", "-", sandbox=sandbox, stdin=rows)
        arguments = ("import", "-", "--rejected", str(kept), "--empty-as-null")
        done = await loops_async(*arguments, sandbox=sandbox, stdin=rows)
    assert lost.out.endswith("The rejected rows were not kept; --rejected PATH keeps them.\n")
    assert "were not kept" not in done.out
    assert done.out.endswith(f"  loops-async import --empty-as-null {kept}\n")
    assert kept.read_text().splitlines()[1].endswith(",nobody")


async def test_a_rejected_row_whose_contact_a_later_row_updates_is_pointed_out(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("email,joined\nada@x.org,31.02.2020\nbob@x.org,?\nADA@x.org,2020-01-01\n")
    async with Sandbox(rate=None, properties=[StoredProperty("joined", "date")]) as sandbox:
        done = await loops_async("import", str(path), sandbox=sandbox)
    assert (
        "1 rejected row belongs to contacts that a later row has updated; importing the corrected "
        "row would undo that update: line 2 by line 4\n"
    ) in done.out


def test_a_file_that_is_not_there_is_said_before_a_key_that_is_not_there() -> None:
    done = refused("import", "nowhere.csv")
    assert done.status == 2
    assert "No such file" in done.err


async def test_what_was_put_aside_is_said_with_both_names(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("email\nada@example.com\n")
    kept = tmp_path / "rows.csv.rejected.csv"
    kept.write_text("mine")
    async with Sandbox(rate=None) as sandbox:
        done = await loops_async("import", str(path), sandbox=sandbox)
    assert f'"{kept}" already existed; it was renamed to "{kept}.old".\n' in done.err


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "said"),
    [
        (["-"], {"LOOPS_API_KEY": "wrong"}, 3, "Loops rejected the API key"),
        (["-", "--map", "mail=email"], {"LOOPS_API_KEY": "test-key"}, 2, '"email"'),
    ],
)
async def test_a_mistake_is_said_in_a_sentence_and_nothing_is_sent(
    arguments: list[str], environment: dict[str, str], status: int, said: str
) -> None:
    async with Sandbox() as sandbox:
        environment = environment | {"LOOPS_BASE_URL": sandbox.url}
        done = await loops_async(
            "import", *arguments, stdin=b"email\nada@example.com\n", env=environment
        )
        assert not sandbox.contacts
    assert done.status == status
    assert said in done.err
    assert "Traceback" not in done.err
    assert environment.get("LOOPS_API_KEY", "?") not in done.err


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["nowhere.csv"], {"LOOPS_API_KEY": "test-key"}, "No such file"),
        (["-"], {}, "no API key"),
        (["-"], {"LOOPS_API_KEY": "two words"}, "without 'Bearer '"),
        (["-", "--rate", "0"], {"LOOPS_API_KEY": "test-key"}, "--rate"),
        (["-", "--concurency", "5"], {"LOOPS_API_KEY": "test-key"}, "--concurrency"),
    ],
)
def test_a_mistake_that_needs_no_account_is_said_in_a_sentence(
    arguments: list[str], environment: dict[str, str], said: str
) -> None:
    with ThreadedSandbox() as sandbox:
        environment = environment | {"LOOPS_BASE_URL": sandbox.url}
        rows = b"email\nada@example.com\n"
        done = refused("import", *arguments, stdin=rows, env=environment)
        assert not sandbox.requests
    assert done.status == 2
    assert said in done.err
    assert "Traceback" not in done.err
    assert environment.get("LOOPS_API_KEY", "?") not in done.err


async def test_a_key_on_the_command_line_is_warned_of() -> None:
    async with Sandbox() as sandbox:
        done = await loops_async(
            "import",
            "-",
            "--api-key",
            sandbox.api_key,
            "--base-url",
            sandbox.url + "/v1/",
            stdin=b"email\nada@example.com\n",
        )
        assert "ada@example.com" in sandbox.contacts
    assert done.status == 0
    assert "LOOPS_API_KEY is safer" in done.err


async def test_a_terminal_of_another_encoding_gets_its_summary_all_the_same() -> None:
    rows = "email\n" + "nobody\n" * 25
    async with Sandbox() as sandbox:
        done = await loops_async(
            "import", "-", sandbox=sandbox, stdin=rows.encode(), env={"PYTHONIOENCODING": "latin-1"}
        )
    assert done.status == 1
    assert "25 rows: 0 imported, 25 rejected" in done.out
    assert "and 5 more" in done.out


@pytest.mark.long
async def test_a_file_that_grows_while_it_is_imported_is_not_a_success(tmp_path: Path) -> None:
    path = tmp_path / "growing.csv"
    path.write_text("email\n" + "".join(f"c{n}@example.com\n" for n in range(120)))

    async with Sandbox(rate=40) as sandbox:

        def grow(_: object) -> None:
            if len(sandbox.contacts) == 1:
                with path.open("a") as file:
                    file.write("late@example.com\n")

        sandbox.faults = Faults(grow)
        done = await loops_async("import", str(path), "--concurrency", "2", sandbox=sandbox)
        assert len(sandbox.contacts) == 120
    assert "has more rows than when the import began" in done.err
    assert done.status == 1
