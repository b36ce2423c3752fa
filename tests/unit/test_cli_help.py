"""What ``--help`` says, and that docs/cli.md says no less."""

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from loops_async.cli.main import cli

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
COMMANDS = sorted(cli.commands)
ACCOUNT = {"--api-key", "--base-url"}
"""What the page has in one place for every command that talks to Loops."""


def said(*arguments: str) -> str:
    done = CliRunner().invoke(cli, [*arguments, "--help"], prog_name="loops-async")
    assert done.exit_code == 0
    return done.output


def section(command: str) -> str:
    return PAGE.partition(f"\n## `{command}`\n")[2].partition("\n## ")[0]


def test_there_are_the_commands_that_were_promised() -> None:
    assert COMMANDS == ["check", "completion", "demo", "import", "sandbox", "validate"]


def test_the_list_of_commands_has_a_whole_sentence_for_each() -> None:
    lines = said().partition("Commands:\n")[2].strip().splitlines()
    assert [line.split()[0] for line in lines] == COMMANDS
    assert all(line.endswith(".") and not line.endswith("...") for line in lines)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_shows_an_example_that_works_and_its_exit_statuses(command: str) -> None:
    text = said(command)
    examples = text.partition("Example:\n")[2].partition("\n\n")[0]
    assert f"loops-async {command}" in examples
    assert "Exit status: " in text
    for line in examples.splitlines():
        found = re.search(rf"loops-async {command} ([^')|>]*)", line)
        if found:
            words = found[1].replace('"Customer Ref=userId"', "'X=userId'").replace("'", "").split()
            # Read as the command reads it, and not run.
            cli.commands[command].make_context(command, words, resilient_parsing=False).close()


@pytest.mark.parametrize("command", COMMANDS)
def test_no_type_of_a_program_is_shown_where_a_number_goes(command: str) -> None:
    assert "RANGE" not in said(command)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_has_every_option_and_every_exit_status(command: str) -> None:
    about = section(command)
    assert about
    for parameter in cli.commands[command].params:
        if isinstance(parameter, click.Option):
            option = parameter.opts[0]
            assert f"`{option}" in (PAGE if option in ACCOUNT else about)
    statuses = re.findall(r"\b(\d{1,3}) (?=[a-zL])", said(command).partition("Exit status:")[2])
    table = PAGE.partition("\n## Exit status\n")[2].partition("\n## ")[0]
    assert all(f"| {status} |" in table for status in statuses)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_than_bash_have_a_script(shell: str) -> None:
    done = CliRunner().invoke(cli, ["completion", shell])
    assert done.exit_code == 0
    assert f"_LOOPS_ASYNC_COMPLETE={shell}_complete" in done.output


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["imprt"], "import"),
        (["valdate", "rows.csv"], "validate"),
        (["check", "--jsn"], "--json"),
        (["import", "rows.csv", "--concurency", "5"], "--concurrency"),
        (["completion", "basch"], "'bash'"),
    ],
)
def test_what_is_mistyped_is_met_with_what_was_meant(typed: list[str], meant: str) -> None:
    done = CliRunner().invoke(cli, typed)
    assert done.exit_code == 2
    assert meant in done.output.partition("Error:")[2]
