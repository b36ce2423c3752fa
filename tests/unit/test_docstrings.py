"""What an editor shows for a public name: what it does, each argument, units, and errors."""

import enum
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import loops_async.contrib.opentelemetry
import loops_async.contrib.prometheus
import loops_async.contrib.redis
import loops_async.sandbox
from loops_async import LoopsClient, errors
from tests.unit.test_public_names import PACKAGES

MODULES = (
    *PACKAGES,
    loops_async.sandbox,
    loops_async.contrib.opentelemetry,
    loops_async.contrib.prometheus,
    loops_async.contrib.redis,
)
"""Every module that users import names from."""
SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises|Example|Examples|Note):\s*$")
# Arguments that are a length of time or a rate wherever they stand.
SECONDS = {"timeout", "max_delay", "base_delay", "latency", "retry_after", "delay"}
RATES = {"rate"}
# What users are handed, and never make themselves.
HANDED_OUT = {"loops_async.BulkUpsert", "loops_async.Pages", "loops_async.sandbox.StoredContacts"}
IN_SECONDS = re.compile(r"\bseconds?\b", re.IGNORECASE)
PER_SECOND = re.compile(r"\bper second\b|\ba second\b|\bshare of requests\b")


@dataclass(frozen=True)
class Documented:
    """Something public that can be called, and what stands in its place of the documentation."""

    name: str
    call: Callable[..., Any]
    text: str
    owner: type | None

    @property
    def arguments(self) -> list[str]:
        signature = inspect.signature(self.call)
        return [
            argument.name
            for argument in signature.parameters.values()
            if argument.name not in {"self", "cls"} and not argument.name.startswith("_")
        ]


def sections(text: str) -> dict[str, str]:
    """The sections of a docstring in Google's style; what stands before them is ``""``."""
    found: dict[str, list[str]] = {"": []}
    section = ""
    for line in inspect.cleandoc(text).splitlines():
        heading = SECTION.match(line)
        if heading is not None:
            section = heading[1]
        found.setdefault(section, []).append(line)
    return {section: "\n".join(lines) for section, lines in found.items()}


def entries(section: str) -> dict[str, str]:
    """Each name that a section of arguments or attributes explains, and its explanation."""
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines()[1:]:
        heading = re.match(r" {4}((?:[*\w]+(?:, )?)+)(?: \(.*?\))?: (.*)", line)
        if heading is not None:
            name = heading[1]
            found.update({one.strip("* "): heading[2] for one in name.split(",")})
        elif name:
            for one in name.split(","):
                found[one.strip("* ")] += " " + line.strip()
    return found


def explained(text: str) -> dict[str, str]:
    parts = sections(text)
    return entries(parts.get("Attributes", "")) | entries(parts.get("Args", ""))


def public() -> Iterator[tuple[str, Any]]:
    seen: set[int] = set()
    for module in MODULES:
        for name in module.__all__:
            value = getattr(module, name)
            if (inspect.isclass(value) or inspect.isfunction(value)) and id(value) not in seen:
                seen.add(id(value))
                yield f"{module.__name__}.{name}", value


def methods(owner: type) -> Iterator[tuple[str, Any]]:
    """What a class of ours offers: its own and inherited from ours, not from the library's."""
    for name, value in inspect.getmembers_static(owner):
        # An enumeration also shows members of its metaclass.
        home = next((base for base in owner.__mro__ if name in vars(base)), type)
        if not name.startswith("_") and home.__module__.startswith("loops_async"):
            yield name, value


def is_plain_class(value: type) -> bool:
    """Whether a class is made by its caller: no error, no enumeration, no typing construct."""
    return not issubclass(value, BaseException | enum.Enum) and not typing.is_typeddict(value)


def inherited_text(owner: type) -> str:
    """The docstrings of a class and of ours that it inherits fields from."""
    return "\n\n".join(
        inspect.getdoc(base) or ""
        for base in owner.__mro__
        if base.__module__.startswith("loops_async")
    )


def callables() -> Iterator[Documented]:
    for name, value in public():
        if inspect.isfunction(value):
            yield Documented(name, value, value.__doc__ or "", None)
            continue
        if is_plain_class(value) and name not in HANDED_OUT:
            yield Documented(name, value, inherited_text(value), value)
        for method, found in methods(value):
            unbound = getattr(found, "__func__", found)
            if inspect.isfunction(unbound):
                text = inspect.getdoc(getattr(value, method)) or ""
                yield Documented(f"{name}.{method}", unbound, text, value)


def resources() -> Iterator[Documented]:
    """The resources hang on an instance, where walking the classes does not come by."""
    loops = LoopsClient("key")
    for noun, resource in vars(loops).items():
        if not noun.startswith("_") and type(resource).__module__.startswith("loops_async"):
            for verb, method in inspect.getmembers(resource, inspect.ismethod):
                if not verb.startswith("_"):
                    text = inspect.getdoc(method) or ""
                    yield Documented(f"loops.{noun}.{verb}", method, text, None)


RESOURCES = list(resources())
CALLABLES = [*callables(), *RESOURCES]


def test_every_public_name_and_each_of_its_members_says_what_it_is() -> None:
    silent = [name for name, value in public() if not value.__doc__]
    silent += [
        f"{name}.{member}"
        for name, value in public()
        if inspect.isclass(value)
        for member, found in methods(value)
        if inspect.isroutine(getattr(found, "__func__", found)) or isinstance(found, property)
        if not inspect.getdoc(getattr(value, member))
    ]
    assert silent == []


def unexplained(documented: Documented) -> Iterator[str]:
    told = explained(documented.text)
    prose = sections(documented.text)[""]
    for name in documented.arguments:
        # A short docstring may name its arguments in its sentence.
        if name not in told and f"``{name}``" not in prose and f"``{name}=" not in prose:
            yield f"{documented.name}({name})"


def test_every_argument_is_explained() -> None:
    assert [name for documented in CALLABLES for name in unexplained(documented)] == []


def test_a_length_of_time_or_a_rate_has_its_unit() -> None:
    found = 0
    for documented in CALLABLES:
        told = explained(documented.text)
        for names, unit in ((SECONDS, IN_SECONDS), (RATES, PER_SECOND)):
            for name in names.intersection(told, documented.arguments):
                found += 1
                assert unit.search(told[name]), f"{documented.name}({name}): {told[name]}"
    assert found > 10


@pytest.mark.parametrize("documented", RESOURCES, ids=lambda one: one.name)
def test_a_call_says_what_it_raises(documented: Documented) -> None:
    raised = sections(documented.text).get("Raises", "")
    named = re.findall(r"^ {4}(\w+):", raised, re.MULTILINE)
    assert named, documented.name
    assert all(issubclass(getattr(errors, name), errors.LoopsError) for name in named)
    if inspect.iscoroutinefunction(documented.call):
        assert "LoopsError" in named, "whatever else can go wrong"


def test_every_public_class_is_walked() -> None:
    walked = {documented.name for documented in CALLABLES}
    assert {
        "loops_async.LoopsClient",
        "loops_async.LoopsSession.client",
        "loops_async.RetryPolicy",
        "loops_async.ContactUpdate",
        "loops_async.sandbox.Sandbox",
        "loops_async.testing.reply",
        "loops_async.contrib.redis.RedisPacer",
        "loops.contacts.upsert_many",
    } <= walked


@pytest.mark.parametrize(("text", "name", "told"), [
    ("Do.\n\nArgs:\n    a: One\n        more.\n    b: Two.", "a", "One more."),
    ("Do.\n\nArgs:\n    a: One.\n    **fields: Two.", "fields", "Two."),
    ("Do.\n\nAttributes:\n    a, b: Both.\n", "b", "Both."),
])  # fmt: skip
def test_a_docstring_is_read_as_it_is_meant(text: str, name: str, told: str) -> None:
    assert explained(text)[name].strip() == told


@pytest.mark.parametrize("text", ["Do.", "Do.\n\nReturns:\n    a: One.", "Do.\n\nArgs:\n    b: a."])
def test_an_argument_that_is_not_explained_is_found(text: str) -> None:
    assert "a" not in explained(text)
