"""The synchronous view of docs/services.md in a real Django, called from threads."""

import importlib
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings
from django.test import RequestFactory

from loops_async.sandbox import Sandbox
from tests.server.test_loops_thread import end

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def view(loops_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The view as the page shows it, with the client of the sandbox."""
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"])
        django.setup()
    page = (DOCS / "services.md").read_text(encoding="utf-8")
    code = re.search(r"^```py\n(from django.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert code is not None
    monkeypatch.syspath_prepend(str(DOCS / "examples"))
    names: dict[str, Any] = {}
    exec(compile(code[1], "views", "exec"), names)  # noqa: S102
    yield names["sign_up"]
    module = importlib.import_module("loops_thread")
    end(module, module.loops)
    del sys.modules["loops_thread"]


def test_views_in_threads_share_one_client(loops_sandbox: Sandbox, view: Any) -> None:
    def post(number: int) -> int:
        request = RequestFactory().post("/", {"email": f"c{number}@example.com"})
        return int(view(request).status_code)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(post, range(32))) == {200}
    assert len(loops_sandbox.contacts) == 32
    refused = view(RequestFactory().post("/", {"email": "nobody at home"}))
    assert refused.status_code == 422
    assert b"nobody" not in refused.content
