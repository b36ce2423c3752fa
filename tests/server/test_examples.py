"""Every code block of the README and of docs/ runs as it stands, against a sandbox."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from loops_async.sandbox import Sandbox
from loops_async.testing import ThreadedSandbox
from tests.examples import examples, pytest_mode

BLOCKS = list(examples())
SCRIPTS = [pytest.param(code, id=name) for name, code in BLOCKS if not pytest_mode(code)]
MODES = ("auto", "strict")


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox to which the environment leads, and an empty folder to be in."""
    with ThreadedSandbox(rate=100) as running:
        monkeypatch.setenv("LOOPS_API_KEY", running.api_key)
        monkeypatch.setenv("LOOPS_BASE_URL", running.url)
        monkeypatch.chdir(tmp_path)
        yield running


@pytest.mark.parametrize("code", SCRIPTS)
def test_the_block_runs_without_an_error(code: str, sandbox: Sandbox) -> None:
    # As a module, for records find the annotations of their fields through theirs.
    module = ModuleType("__main__")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "__main__", module)
        exec(compile(code, "block", "exec", dont_inherit=True), vars(module))  # noqa: S102


@pytest.mark.parametrize("mode", MODES)
def test_the_tests_in_the_blocks_pass(mode: str, sandbox: Sandbox, tmp_path: Path) -> None:
    # One pytest run for all blocks of a mode: most of the time of a run is its start.
    for name, code in BLOCKS:
        if pytest_mode(code) == mode:
            (tmp_path / f"test_{name}.py").write_text(code, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\nasyncio_mode = {mode}\nasyncio_default_fixture_loop_scope = function\n"
        "filterwarnings = error\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_there_are_blocks_to_run() -> None:
    assert "readme_1" in dict(BLOCKS)
    assert any(name.startswith("testing_") for name, code in BLOCKS if pytest_mode(code))
    assert {pytest_mode(code) for _, code in BLOCKS} == {None, *MODES}
