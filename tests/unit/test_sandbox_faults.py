"""Which request meets which fault; what a fault does is in tests/server/test_sandbox_faults.py."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from loops_async.sandbox import FAULT_KINDS, Fault, Faults, ReceivedRequest, parse_faults
from loops_async.sandbox.faults.fault_kinds import FAMILIES

PAGE = Path(__file__).parents[2] / "docs" / "sandbox.md"
ROW = re.compile(r"^\| ((?:`[^`]+`(?:, )?)+) \| `(\w+)` \| (yes|no) \|", re.MULTILINE)


def arrival(path: str = "/v1/events/send") -> ReceivedRequest:
    return ReceivedRequest(at=0.0, method="POST", path=path)


def drawn(faults: Faults, count: int, path: str = "/v1/events/send") -> list[str | None]:
    found = [faults.draw(arrival(path)) for _ in range(count)]
    return [None if fault is None else fault.kind for fault in found]


def test_a_script_is_met_in_order_and_then_all_goes_well() -> None:
    slow = Fault("slow_body", seconds=2.0)
    faults = Faults.script(["500", None, slow])
    assert faults.draw(arrival()) == Fault("500")
    assert faults.draw(arrival()) is None
    assert faults.draw(arrival()) is slow
    assert drawn(faults, 3) == [None, None, None]
    assert faults.counts == {"500": 1, "slow_body": 1}
    assert faults.seed is None


def test_requests_of_other_paths_use_up_no_step() -> None:
    faults = Faults.script(["500"], path="/v1/events/send")
    assert drawn(faults, 2, "/v1/transactional") == [None, None]
    assert drawn(faults, 1) == ["500"]


def test_a_function_may_choose() -> None:
    faults = Faults(lambda request: "502" if request.method == "POST" else None)
    assert drawn(faults, 1) == ["502"]
    assert faults.draw(ReceivedRequest(at=0.0, method="GET", path="/v1/lists")) is None
    assert Faults(lambda _: Fault("504")).draw(arrival()) == Fault("504")


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    first, again, other = (drawn(Faults.random(0.5, seed=seed), 200) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_a_seed_is_made_when_none_is_given_and_draws_the_same_when_told() -> None:
    faults = Faults.random(0.5)
    assert faults.seed is not None
    assert drawn(faults, 200) == drawn(Faults.random(0.5, seed=faults.seed), 200)
    assert Faults.random().seed != Faults.random().seed
    assert f"seed {faults.seed}" in repr(faults)


def test_the_rate_is_met_and_every_kind_and_every_family_has_its_share() -> None:
    faults = Faults.random(0.3, seed=1)
    kinds = [kind for kind in drawn(faults, 20_000) if kind is not None]
    assert 5700 < len(kinds) < 6300
    assert set(kinds) == set(FAULT_KINDS)
    families = Counter(FAULT_KINDS[kind].family for kind in kinds)
    assert set(families) == set(FAMILIES)
    expected = len(kinds) / len(FAMILIES)
    assert all(0.85 * expected < count < 1.15 * expected for count in families.values())
    assert faults.counts == Counter(kinds)


@pytest.mark.parametrize(("rate", "met"), [(0, 0), (1, 100)])
def test_a_rate_of_nothing_and_of_all(rate: float, met: int) -> None:
    assert sum(kind is not None for kind in drawn(Faults.random(rate, seed=1), 100)) == met


def test_kinds_and_families_can_be_picked_and_the_numbers_reach_each_fault() -> None:
    faults = Faults.random(1, seed=1, kinds=["reset", "429"], seconds=2.0, retry_after=5)
    found = [faults.draw(arrival()) for _ in range(100)]
    assert {fault.kind for fault in found if fault} == {
        "reset_before", "reset_after", "reset_mid_body", "429",
    }  # fmt: skip
    assert {(fault.seconds, fault.retry_after) for fault in found if fault} == {(2.0, 5)}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Fault("501"), "there is no fault '501'; the kinds are delay, refuse,"),
        (lambda: Fault("delay", seconds=-1), "seconds must not"),
        (lambda: Fault("delay", seconds=float("inf")), "seconds must not"),
        (lambda: Fault("429_date", retry_after=-1), "retry_after must not"),
        (lambda: Faults.script(["nope"]), "there is no fault 'nope'"),
        (lambda: Faults.random(1.5), "rate must be between 0 and 1"),
        (lambda: Faults.random(float("nan")), "rate must be between 0 and 1"),
        (lambda: Faults.random(kinds=["nope"]), "the families are delay,"),
        (lambda: Faults.random(kinds=[]), "at least one"),
        (lambda: Faults.random(seconds=-1), "seconds must not"),
        (lambda: Faults.script([], path="events/send"), "path must begin with /v1/"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_made(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        make()


def test_a_name_means_a_kind_or_a_family_and_never_both() -> None:
    for family, kinds in FAMILIES.items():
        assert family not in FAULT_KINDS or kinds == (family,)


# The SPEC of the command line.


def test_a_spec_draws_what_the_call_draws() -> None:
    spec = parse_faults("rate=0.5, seed=7, kinds=5xx+reset_after, path=/v1/events/send")
    call = Faults.random(0.5, seed=7, kinds=["5xx", "reset_after"], path="/v1/events/send")
    assert drawn(spec, 100) == drawn(call, 100)
    assert drawn(spec, 20, "/v1/lists") == [None] * 20
    assert drawn(parse_faults("rate=0.5", seed=7), 100) == drawn(Faults.random(0.5, seed=7), 100)


def test_the_seed_beside_a_spec_wins_over_the_one_in_it() -> None:
    assert parse_faults("rate=0.5,seed=7", seed=8).seed == 8
    assert parse_faults("kinds=429").seed is not None


def test_a_spec_of_a_script_is_met_in_order() -> None:
    faults = parse_faults("script=500, reset_after,ok,429_date,seconds=2,retry_after=9")
    assert [faults.draw(arrival()) for _ in range(5)] == [
        Fault("500", 2.0, 9), Fault("reset_after", 2.0, 9), None, Fault("429_date", 2.0, 9), None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", "'' is not NAME=VALUE with a NAME of rate, seed, kinds,"),
        ("0.3", "'0.3' is not NAME=VALUE"),
        ("rat=0.3", "'rat=0.3' is not NAME=VALUE"),
        ("rate=lots", "'rate=lots': rate must be a number"),
        ("rate=2", "rate must be between 0 and 1"),
        ("rate=0.1,rate=0.2", "rate is given twice"),
        ("rate=0.1,500", "'500' is not NAME=VALUE"),
        ("seed=1.5", "'seed=1.5': seed must be a whole number"),
        ("kinds=500+oops", "there is no fault 'oops'; the families are delay,"),
        ("kinds=", "there is no fault ''"),
        ("script=500,oops", "there is no fault 'oops'; the kinds are delay,"),
        ("script=500,oops", "and ok for no fault"),
        ("script=500,rate=0.1", "a script is not random, so it takes no rate"),
        ("script=500,seed=1", "so it takes no seed"),
        ("path=lists", "path must begin with /v1/"),
        ("script=500,seconds=-1", "seconds must not be negative"),
    ],
)
def test_a_bad_spec_is_refused_with_the_part_and_the_choices(spec: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_faults(spec)


# The documentation.


def test_the_page_tells_of_every_kind_its_family_and_whether_it_is_processed() -> None:
    told = {
        name: (family, processed == "yes")
        for names, family, processed in ROW.findall(PAGE.read_text("utf-8"))
        for name in re.findall(r"`([^`]+)`", names)
    }
    assert told == {kind.name: (kind.family, kind.processed) for kind in FAULT_KINDS.values()}
