"""A parameter of a path stays within its own segment, whatever it holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from loops_async.errors import InvalidInput
from loops_async.pipeline.messages import Endpoint, Replay, Request

CAMPAIGN = Endpoint("GET", "/v1/campaigns/{campaignId}/metrics", Replay.ALWAYS, lambda _: None)
HOSTILE = st.sampled_from(["..", ".", "", "../api-key", "a/b", "a?b=c", "a#b", "%2e%2e", "a\r\nb"])


@given(HOSTILE | st.text())
def test_any_parameter_stays_one_segment_or_is_refused(value: str) -> None:
    request = Request(CAMPAIGN, parameters={"campaignId": value})
    if value in {"", ".", ".."} or any("\ud800" <= c <= "\udfff" for c in value):
        with pytest.raises(InvalidInput, match="campaignId"):
            _ = request.path
        return
    path = request.path
    url = URL("https://app.loops.so/api").joinpath(path.lstrip("/"), encoded=True)
    assert url.raw_parts[:4] == ("/", "api", "v1", "campaigns")
    assert len(url.raw_parts) == 6
    assert url.raw_parts[5] == "metrics"
    assert (url.raw_query_string, url.raw_fragment) == ("", "")
    assert url.parts[4] == value or "%" in value or "+" in value


def test_a_path_without_parameters_is_the_endpoints_own() -> None:
    assert Request(Endpoint("GET", "/v1/lists", Replay.ALWAYS, lambda _: None)).path == "/v1/lists"
