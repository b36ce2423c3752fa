"""The one fixture for mocked HTTP."""

from collections.abc import Iterator
from functools import partial
from unittest.mock import Mock

import aioresponses.core
import pytest
from aiohttp import ClientResponse
from aioresponses import aioresponses as AioResponses  # noqa: N812 - it is a class


@pytest.fixture
def mocked(monkeypatch: pytest.MonkeyPatch) -> Iterator[AioResponses]:
    """aioresponses, which puts its replies in the place of ``ClientSession._request``.

    Release 0.7.9 does not know ``stream_writer``, which aiohttp 3.14 requires to make a
    ``ClientResponse`` (github.com/pnuckowski/aioresponses/issues/289); the line below supplies
    what its pull request 288 does. Drop it with the release that has it.
    """
    made = partial(ClientResponse, stream_writer=Mock(output_size=0))
    monkeypatch.setattr(aioresponses.core, "ClientResponse", made)
    with AioResponses() as mock:
        yield mock
