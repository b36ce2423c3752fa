"""Every operation has its place: a route in the sandbox, a method with its documentation, a guide.

docs/contributing.md lists the files of a new operation. What it forgets is found here.
"""

import importlib
import inspect
import pkgutil
import re
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import loops_async.api
import loops_async.sandbox.api
from loops_async import LoopsClient
from loops_async.api.resource import Resource
from loops_async.pipeline.messages import Endpoint
from loops_async.sandbox.api import all_routes

ROOT = Path(__file__).parents[2]
CLIENT = {
    noun: resource
    for noun, resource in vars(LoopsClient("a-key")).items()
    if isinstance(resource, Resource)
}


def nouns() -> Iterator[tuple[str, ModuleType]]:
    """Each module of ``loops_async.api`` that has endpoints, by its name."""
    for module in pkgutil.iter_modules(loops_async.api.__path__):
        found = importlib.import_module(f"loops_async.api.{module.name}")
        if any(isinstance(value, Endpoint) for value in vars(found).values()):
            yield module.name, found


def methods() -> Iterator[tuple[str, Any]]:
    """Each method of a client's resources, such as ``contacts.create``."""
    for noun, resource in CLIENT.items():
        for verb, method in inspect.getmembers(resource, inspect.ismethod):
            if not verb.startswith("_"):
                yield f"{noun}.{verb}", method


NOUNS = dict(nouns())
HOMES: list[tuple[str, Endpoint[Any]]] = [
    (noun, value)
    for noun, module in NOUNS.items()
    for value in vars(module).values()
    if isinstance(value, Endpoint)
]
ENDPOINTS = [endpoint for _, endpoint in HOMES]
METHODS = dict(methods())
GUIDES = "".join(
    page.read_text(encoding="utf-8")
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    if page.name != "moving.md"
)


@pytest.mark.parametrize(("noun", "endpoint"), HOMES, ids=str)
def test_an_endpoint_has_a_route_in_the_module_of_its_noun_in_the_sandbox(
    noun: str, endpoint: Endpoint[Any]
) -> None:
    routes = {(route.method, route.path): route.handler.__module__ for route in all_routes()}
    module = routes.get((endpoint.method, endpoint.path))
    assert module == f"loops_async.sandbox.api.{noun}"


def test_a_noun_has_one_module_in_the_client_and_one_in_the_sandbox() -> None:
    there = {module.name for module in pkgutil.iter_modules(loops_async.sandbox.api.__path__)}
    assert set(NOUNS) == there


@pytest.mark.parametrize("noun", NOUNS)
def test_a_noun_can_be_reached_from_a_client(noun: str) -> None:
    offered = {base for resource in CLIENT.values() for base in type(resource).__mro__}
    defined = {
        value
        for value in vars(NOUNS[noun]).values()
        if inspect.isclass(value) and value.__module__ == NOUNS[noun].__name__
    }
    assert {one for one in defined if issubclass(one, Resource)} <= offered
    assert defined


@pytest.mark.parametrize("noun", CLIENT)
def test_the_name_of_a_clients_attribute_is_that_of_its_module(noun: str) -> None:
    assert type(CLIENT[noun]).__module__ == f"loops_async.api.{noun}"


@pytest.mark.parametrize("name", METHODS)
def test_a_method_names_the_page_of_its_operation(name: str) -> None:
    text = inspect.getdoc(METHODS[name]) or ""
    pages = re.findall(r"https://loops\.so/docs/api-reference/[\w-]+", text)
    # Many calls of another method.
    assert len(pages) == (0 if name.endswith("_many") else 1)


def classes(hint: Any) -> Iterator[type]:
    """The classes of this package in a type, such as both of ``Pages[Contact]``."""
    for one in (typing.get_origin(hint) or hint, *typing.get_args(hint)):
        if one is not hint and typing.get_args(one):
            yield from classes(one)
        elif inspect.isclass(one) and one.__module__.startswith("loops_async."):
            yield one


@pytest.mark.parametrize("name", METHODS)
def test_what_a_method_returns_has_a_public_name(name: str) -> None:
    public = [getattr(loops_async, name) for name in dir(loops_async)]
    returned = set(classes(typing.get_type_hints(METHODS[name])["return"]))
    assert {one for one in returned if one not in public} == set()


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_in_a_guide(name: str) -> None:
    assert f"loops.{name}(" in GUIDES or f"loops.{name}`" in GUIDES
