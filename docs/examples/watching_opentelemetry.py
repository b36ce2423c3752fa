"""OpenTelemetry: one span for each request, following the conventions for HTTP clients."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from opentelemetry.trace import SpanKind, StatusCode, Tracer

from loops_async import Attempt

PORTS = {"https": 443, "http": 80}


def trace_attempts(
    tracer: Tracer, base_url: str = "https://app.loops.so/api"
) -> Callable[[Attempt], None]:
    """Return a function that records spans, for ``LoopsClient(on_attempt=…)``."""
    address = urlsplit(base_url)
    server: dict[str, str | int] = {
        "server.address": address.hostname or "",
        "server.port": address.port or PORTS[address.scheme],
    }

    def record(attempt: Attempt) -> None:
        end = time.time_ns()
        # This runs in the task that made the call, so the caller's span becomes the parent.
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
