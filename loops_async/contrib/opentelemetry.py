"""OpenTelemetry: one span for each request, following the conventions for HTTP clients.

Requires the extra ``opentelemetry``.
"""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from loops_async.connection import BASE_URL
from loops_async.errors import MissingExtra
from loops_async.pipeline.observing import Attempt
from loops_async.version import __version__

try:
    from opentelemetry.trace import SpanKind, StatusCode, Tracer, get_tracer
except ImportError as _error:
    raise MissingExtra(
        "loops_async.contrib.opentelemetry needs an extra: pip install 'loops-async[opentelemetry]'"
    ) from _error

__all__ = ["trace_attempts"]


def trace_attempts(
    tracer: Tracer | None = None, base_url: str = BASE_URL
) -> Callable[[Attempt], None]:
    """Return an observer that records a span for each request.

    ::

        LoopsClient(on_attempt=trace_attempts())

    The span's parent is the current span of the code that made the call.

    Args:
        tracer: Creates the spans; a tracer of the global provider if left out.
        base_url: The base URL of the client, for the attributes ``url.full`` and
            ``server.address``.
    """
    tracer = tracer if tracer is not None else get_tracer("loops_async", __version__)
    address = urlsplit(base_url)
    server: dict[str, str | int] = {
        "server.address": address.hostname or "",
        "server.port": address.port or (80 if address.scheme == "http" else 443),
    }

    def record(attempt: Attempt) -> None:
        end = time.time_ns()
        span = tracer.start_span(
            f"{attempt.method} {attempt.path}",
            kind=SpanKind.CLIENT,
            start_time=end - int(attempt.seconds * 1e9),
            attributes={
                "http.request.method": attempt.method,
                # Without the query, which may contain an address.
                "url.full": base_url.rstrip("/") + attempt.path,
                "url.template": attempt.path,
                **server,
            },
        )
        if attempt.status is not None:
            span.set_attribute("http.response.status_code", attempt.status)
        if attempt.number > 1:
            span.set_attribute("http.request.resend_count", attempt.number - 1)
        if attempt.error is not None:
            span.set_attribute("error.type", attempt.error)
            span.set_status(StatusCode.ERROR)
        if attempt.wait is not None:
            span.set_attribute("loops.retry.wait", attempt.wait)
        if attempt.reason is not None:
            span.set_attribute("loops.retry.reason", attempt.reason)
        span.end(end)

    return record
