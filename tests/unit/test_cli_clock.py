"""How far a clock is, by the one header that tells."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from loops_async.cli.check_command import ClockDifference, clock_difference
from loops_async.pipeline.messages import Reply

SECONDS = st.floats(0, 30, allow_nan=False)


def reply(**headers: str) -> Reply:
    return Reply(200, CIMultiDict(headers), b"")


@given(
    written=st.floats(1e9, 2e9, allow_nan=False),
    ahead=st.floats(-1e6, 1e6, allow_nan=False),
    there=SECONDS,
    back=SECONDS,
)
def test_the_truth_is_within_the_uncertainty(
    written: float, ahead: float, there: float, back: float
) -> None:
    sent, received = written + ahead - there, written + ahead + back
    said = reply(Date=formatdate(int(written), usegmt=True))
    found = clock_difference(said, sent, received)
    assert found is not None
    assert abs(found.ahead - ahead) <= found.uncertainty + 1e-3
    assert found.uncertainty == pytest.approx((there + back) / 2 + 0.5, abs=1e-3)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Date": ""},
        {"Date": "soon"},
        {"Date": "Sat, 32 Jan 2026 00:00:00 GMT"},
        {"Date": "Thu, 01 Jan 2026 00:00:00 GMT", "Age": "5"},
    ],
)
def test_what_tells_no_time_is_no_time(headers: dict[str, str]) -> None:
    assert clock_difference(reply(**headers), 0.0, 1.0) is None


@pytest.mark.parametrize(
    ("ahead", "uncertainty", "wrong"),
    [(30.4, 0.5, False), (-30.6, 0.5, True), (31, 0.5, True), (45, 20, False)],
)
def test_a_clock_is_wrong_only_where_that_is_certain(
    ahead: float, uncertainty: float, wrong: bool
) -> None:
    assert ClockDifference(ahead, uncertainty).is_wrong is wrong


def test_which_way_it_is_off_is_said() -> None:
    assert str(ClockDifference(0.31, 0.6)) == "0.3 s ahead of Loops', ± 0.6 s"
    assert str(ClockDifference(-12.0, 0.5)) == "12.0 s behind Loops', ± 0.5 s"
