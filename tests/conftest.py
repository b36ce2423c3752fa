"""Hypothesis profiles, chosen by ``HYPOTHESIS_PROFILE``: "default", or "fast" for a quick look."""

import os

from hypothesis import HealthCheck, settings

# No deadline and no health check by the clock: a slow or busy machine proves nothing.
settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("fast", settings.get_profile("default"), max_examples=15)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
