import copy
import inspect
import pickle
import re
from typing import Any

import pytest

from loops_async import errors
from loops_async.errors import LoopsError

CLASSES = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, LoopsError)
]
ATTRIBUTES: dict[str, Any] = {
    "status": 418, "field": "plan", "message": "said", "retry_after": 2.5, "excerpt": "{…}",
}  # fmt: skip


def example(kind: type[LoopsError]) -> LoopsError:
    """An error of that class with every attribute that it has set to something."""
    names = list(inspect.signature(kind.__init__).parameters)[2:]
    error = kind("what went wrong", **{name: ATTRIBUTES[name] for name in names})
    error.attempts = 3
    return error


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_pickles_and_copies_with_all_that_it_says(kind: type[LoopsError]) -> None:
    error = example(kind)
    for again in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error), copy.copy(error)):  # noqa: S301
        assert type(again) is kind
        assert str(again) == "what went wrong"
        assert again.args == error.args
        assert vars(again) == vars(error)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_carries_what_its_docstring_promises(kind: type[LoopsError]) -> None:
    documented = {
        name
        for cls in kind.__mro__
        if cls in CLASSES
        for name in re.findall(r"^    (\w+): ", inspect.cleandoc(cls.__doc__ or ""), re.MULTILINE)
    }
    assert documented == set(vars(example(kind)))
    assert kind("x").status is None
    assert kind("x").attempts == 0


def test_what_was_refused_before_it_was_sent_concerns_the_input() -> None:
    ours = {errors.InvalidInput, errors.InvalidCall, errors.RecipientNotAllowed}
    assert {kind for kind in CLASSES if kind("x").concerns_input} == ours
    assert errors.BadRequest("x", status=400).concerns_input
    assert not errors.OutcomeUnknown("x", status=400).concerns_input


def test_the_tree_at_the_top_of_the_file_is_the_tree() -> None:
    drawn: dict[str, str | None] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"    ([│├└─ ]*)([A-Z]\w+)(?: \((\w+)\))?", line):
            depth = len(match[1]) // 4
            path[depth:] = [match[2]]
            drawn[match[2]] = path[-2] if depth else None
            if match[3]:
                assert match[3] in {base.__name__ for base in vars(errors)[match[2]].__bases__}
    real = {
        kind.__name__: next((b.__name__ for b in kind.__bases__ if b in CLASSES), None)
        for kind in CLASSES
    }
    assert drawn == real


@pytest.mark.parametrize(("kind", "builtin"), [
    (errors.ConfigurationError, ValueError), (errors.InvalidInput, ValueError),
    (errors.InvalidCall, TypeError), (errors.SessionClosed, ValueError),
    (errors.WrongEventLoop, ValueError), (errors.DeadlineExceeded, TimeoutError),
    (errors.RecipientNotAllowed, ValueError),
])  # fmt: skip
def test_misuse_is_a_builtin_error_as_well(
    kind: type[LoopsError], builtin: type[Exception]
) -> None:
    assert issubclass(kind, builtin)
