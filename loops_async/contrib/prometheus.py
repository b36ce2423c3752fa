"""Prometheus metrics of requests, retries, durations and waiting calls.

Requires the extra ``prometheus``.
"""

from collections.abc import Iterator, Mapping

from loops_async.client import LoopsClient
from loops_async.errors import MissingExtra
from loops_async.pipeline.observing import Attempt

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector
except ImportError as _error:
    raise MissingExtra(
        "loops_async.contrib.prometheus needs an extra: pip install 'loops-async[prometheus]'"
    ) from _error

__all__ = ["LoopsCollector", "LoopsMetrics"]


class LoopsMetrics:
    """Counts requests and measures their duration.

    Use one instance for all clients of a process: ``LoopsClient(on_attempt=metrics)``. It exports
    the counters ``loops_requests_total`` and ``loops_retries_total``, and the histogram
    ``loops_request_duration_seconds``.

    Args:
        registry: The registry of the metrics; the global one if left out.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._requests = Counter(
            "loops_requests",
            "Requests sent to Loops, by HTTP status or error class.",
            ["method", "path", "outcome"],
            registry=registry,
        )
        self._retries = Counter(
            "loops_retries",
            "Requests that failed and are retried, by error class.",
            ["method", "path", "error"],
            registry=registry,
        )
        self._seconds = Histogram(
            "loops_request_duration_seconds",
            "From sending a request to the end of its reply, without the wait for the rate limit.",
            ["method", "path"],
            buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )

    def __call__(self, attempt: Attempt) -> None:
        """Count one request."""
        where = (attempt.method, attempt.path)
        self._requests.labels(*where, attempt.error or str(attempt.status)).inc()
        self._seconds.labels(*where).observe(attempt.seconds)
        if attempt.wait is not None and attempt.error is not None:
            self._retries.labels(*where, attempt.error).inc()


class LoopsCollector(Collector):
    """Exports ``client.stats()`` when Prometheus scrapes: ``REGISTRY.register(collector)``.

    The metrics are ``loops_call_failures_total``, ``loops_waiting``, ``loops_in_flight`` and
    ``loops_rate_limit``.

    Args:
        clients: The clients, by the value of the label ``team``.
    """

    def __init__(self, clients: Mapping[str, LoopsClient]) -> None:
        self._clients = clients

    def collect(self) -> Iterator[Metric]:
        """Yield the current figures of each client."""
        failures = CounterMetricFamily(
            "loops_call_failures", "Calls that ended in an error.", labels=["team"]
        )
        waiting = GaugeMetricFamily(
            "loops_waiting", "Requests that wait for the rate limit.", labels=["team", "lane"]
        )
        in_flight = GaugeMetricFamily(
            "loops_in_flight", "Requests that have no reply yet.", labels=["team"]
        )
        limit = GaugeMetricFamily(
            "loops_rate_limit", "Requests per second that Loops accepts.", labels=["team"]
        )
        for team, client in self._clients.items():
            stats = client.stats()
            failures.add_metric([team], stats.failures)
            waiting.add_metric([team, "interactive"], stats.waiting_interactive or 0)
            waiting.add_metric([team, "bulk"], stats.waiting_bulk or 0)
            in_flight.add_metric([team], stats.in_flight)
            if stats.rate is not None:
                limit.add_metric([team], stats.rate)
        yield from (failures, waiting, in_flight, limit)
