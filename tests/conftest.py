"""Hypothesis profiles (``HYPOTHESIS_PROFILE``: "default", "whole", "fast"); what chaos runs say."""

import os

import pytest
from hypothesis import HealthCheck, settings

# No deadline and no health check by the clock: a slow or busy machine proves nothing.
settings.register_profile(
    "whole", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("default", settings.get_profile("whole"), max_examples=40)
settings.register_profile("fast", settings.get_profile("whole"), max_examples=15)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

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
