"""What a command says of a key that was refused."""

import pytest

from loops_async.cli.console import Console
from loops_async.cli.runner import run
from loops_async.errors import Unauthorized

OWN = "https://app.loops.so/api"


@pytest.mark.parametrize(
    ("option", "variable", "more"),
    [
        (None, None, ""),
        (None, "", ""),
        (None, OWN, ""),
        (f"{OWN}/v1/", "http://127.0.0.1:8026/api", ""),
        (None, "http://127.0.0.1:8026/api", "http://127.0.0.1:8026/api, from LOOPS_BASE_URL"),
        ("http://localhost:1/api", OWN, "http://localhost:1/api, from --base-url"),
        ("https://loops.example/v1", None, "https://loops.example/, from --base-url"),
    ],
)
def test_an_address_that_is_not_loops_own_is_named_with_where_it_came_from(
    option: str | None,
    variable: str | None,
    more: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("LOOPS_BASE_URL", raising=False)
    if variable is not None:
        monkeypatch.setenv("LOOPS_BASE_URL", variable)

    def refused() -> int:
        raise Unauthorized("no", status=401)

    with pytest.raises(SystemExit) as ended:
        run(Console("check", base_url=option), refused)
    assert ended.value.code == 3
    where = f", and the address, which is not Loops' own: {more}" if more else ""
    said = f"Error: Loops rejected the API key; check LOOPS_API_KEY{where}\n"
    assert capsys.readouterr().err == said
