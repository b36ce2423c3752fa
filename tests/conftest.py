"""Hypothesis profiles (``HYPOTHESIS_PROFILE``: "default", "whole", "fast"); what chaos runs say."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.virtual_time import VirtualTimeSocketLoop

if sys.dont_write_bytecode:
    # With PYTHONDONTWRITEBYTECODE set, each worker of pytest-xdist and each of the hundred or so
    # processes that tests start would compile the package and its dependencies again. They share
    # a bytecode cache instead, outside the source tree.
    sys.dont_write_bytecode = False
    sys.pycache_prefix = str(Path(__file__).parents[1] / ".pytest_cache" / "bytecode")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix

# aiohttp loads the system's certificate authorities when it is imported, which is a sixth of the
# start-up time of each of those processes. No test connects to a server that they vouch for.
os.environ.setdefault("SSL_CERT_FILE", os.devnull)

# No deadline and no health check by the clock: a slow or busy machine proves nothing.
settings.register_profile(
    "whole", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("default", settings.get_profile("whole"), max_examples=20)
settings.register_profile("fast", settings.get_profile("whole"), max_examples=15)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    marker = item.get_closest_marker("virtual_time")
    if marker is not None and False not in marker.args:
        return {"virtual time": VirtualTimeSocketLoop}
    return {"real time": asyncio.new_event_loop}


CHAOS = "chaos"
"""The property of a test's report that holds the seed and the counts of a chaos run."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # From the reports, which also come over from the processes of pytest-xdist.
    shown = [
        str(text)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, text in report.user_properties
        if name == CHAOS
    ]
    if shown:
        terminalreporter.section("chaos")
        terminalreporter.write("\n".join(shown) + "\n")
