"""Randomness is looked up when it is used: Temporal's sandbox forbids to touch it at import."""

import subprocess
import sys

from loops_async.pipeline.clock import Clock

CODE = """
import importlib, pkgutil, random
import aiohttp, attrs, cattrs, orjson, yarl  # theirs is not ours to judge

class Forbidden:
    def __getattribute__(self, name):
        raise AssertionError(f"random is touched at import ({name})")

for name, value in list(vars(random).items()):
    if callable(value) and not isinstance(value, type) and not name.startswith("_"):
        setattr(random, name, Forbidden())

import loops_async
for name in loops_async.__all__:
    getattr(loops_async, name)
for module in ("testing", "sandbox"):
    for found in pkgutil.walk_packages([f"{loops_async.__path__[0]}/{module}"],
                                       f"loops_async.{module}."):
        if not found.name.endswith("plugin"):
            importlib.import_module(found.name)
print("imported")
"""


def test_no_module_touches_random_when_it_is_imported() -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=False
    )
    assert done.stdout == "imported\n", done.stderr


def test_the_clock_tells_the_time_and_rolls_dice() -> None:
    clock = Clock()
    assert all(0 <= clock.random() < 1 for _ in range(100))
    assert clock.wall() > 1_700_000_000
