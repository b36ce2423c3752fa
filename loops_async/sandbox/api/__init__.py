"""The endpoints of the Loops API, one module for each noun: its routes, checks and store.

Every module has a `routes` table. A new module needs no registration.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from aiohttp import web


def all_routes() -> Iterator[web.RouteDef]:
    """Return the routes of every module in this package."""
    for module in iter_modules(__path__):
        routes: web.RouteTableDef = import_module(f"{__name__}.{module.name}").routes
        yield from (route for route in routes if isinstance(route, web.RouteDef))
