"""Prometheus, OpenTelemetry and structlog, against a sandbox that fails once and refuses once."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import CollectorRegistry, generate_latest

import loops_async
from docs.examples.watching_structlog import log_attempt
from loops_async import (
    Attempt,
    BadRequest,
    BulkUpsert,
    DeadlineExceeded,
    LoopsClient,
    Outcome,
    Pacer,
    RetryPolicy,
)
from loops_async.contrib.opentelemetry import trace_attempts
from loops_async.contrib.prometheus import LoopsCollector, LoopsMetrics
from loops_async.sandbox import Fault, Faults, Sandbox
from tests.scripted import ScriptedPacer

PAGE = Path(__file__).parents[2] / "docs" / "observability.md"
UPDATE = {"method": "PUT", "path": "/v1/contacts/update"}
EMAIL = "ada.secret@example.com"
QUICK = RetryPolicy(base=0.001, cap=0.002)


Observer = Callable[[Attempt], object]


def client(sandbox: Sandbox, on_attempt: Observer | Iterable[Observer]) -> LoopsClient:
    return LoopsClient(
        sandbox.api_key,
        base_url=sandbox.url,
        on_attempt=on_attempt,
        retry=QUICK,
        pacer=ScriptedPacer(),
    )


@pytest.fixture
def stormy(sandbox: Sandbox) -> Sandbox:
    """Its first request fails after the work was done, the second is one too many."""
    sandbox.faults = Faults.script(["500_after", Fault("429_seconds", retry_after=0)])
    return sandbox


async def test_prometheus_counts_requests_retries_and_seconds(stormy: Sandbox) -> None:
    registry = CollectorRegistry()
    async with client(stormy, LoopsMetrics(registry)) as loops:
        await loops.contacts.update(email=EMAIL)
        assert await loops.contacts.find(email=EMAIL) is not None
        with pytest.raises(BadRequest):
            await loops.contacts.update(user_id="nobody")

    def count(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert count("loops_requests_total", **UPDATE, outcome="ServerError") == 1
    assert count("loops_requests_total", **UPDATE, outcome="RateLimited") == 1
    assert count("loops_requests_total", **UPDATE, outcome="BadRequest") == 1
    assert count("loops_requests_total", **UPDATE, outcome="200") == 1
    find = {"method": "GET", "path": "/v1/contacts/find"}
    assert count("loops_requests_total", **find, outcome="200") == 1
    assert count("loops_retries_total", **UPDATE, error="ServerError") == 1
    assert count("loops_retries_total", **UPDATE, error="RateLimited") == 1
    assert count("loops_retries_total", **UPDATE, error="BadRequest") is None
    assert count("loops_request_duration_seconds_count", **UPDATE) == 4
    assert (count("loops_request_duration_seconds_sum", **UPDATE) or 0) > 0
    assert "secret" not in generate_latest(registry).decode()


async def each(run: BulkUpsert) -> list[Outcome]:
    return [outcome async for outcome in run]


async def test_prometheus_sees_what_waits_behind_the_limit() -> None:
    registry = CollectorRegistry()
    async with Sandbox(rate=None) as sandbox:
        slow = LoopsClient(sandbox.api_key, base_url=sandbox.url, pacer=Pacer(0.01, max_rate=0.01))
        async with slow as loops:
            registry.register(LoopsCollector({"eu": loops}))

            def figure(name: str, **labels: str) -> float | None:
                return registry.get_sample_value(name, {"team": "eu", **labels})

            assert figure("loops_waiting", lane="interactive") == 0
            await loops.contacts.update(email=EMAIL)
            calls = [asyncio.create_task(loops.contacts.find(email=EMAIL)) for _ in range(3)]
            run = loops.contacts.upsert_many([{"email": EMAIL}, {"email": f"2{EMAIL}"}])
            rows = asyncio.create_task(each(run))
            async with asyncio.timeout(10):
                while figure("loops_waiting", lane="bulk") != 2:  # noqa: ASYNC110 - the pacer's
                    await asyncio.sleep(0.001)
            assert figure("loops_waiting", lane="interactive") == 3
            assert figure("loops_in_flight") == 0
            assert figure("loops_rate_limit") == 0.01
            assert figure("loops_call_failures_total") == 0
            for task in (*calls, rows):
                task.cancel()
            await asyncio.gather(*calls, rows, return_exceptions=True)
            with pytest.raises(DeadlineExceeded):
                await loops.contacts.find(email=EMAIL, timeout=0.01)
            assert figure("loops_call_failures_total") == 1
            assert figure("loops_waiting", lane="interactive") == 0


async def test_every_metric_that_the_page_alerts_on_is_exported(stormy: Sandbox) -> None:
    registry = CollectorRegistry()
    idle = LoopsClient("idle-key", pacer=Pacer())
    registry.register(LoopsCollector({"eu": idle}))
    async with client(stormy, LoopsMetrics(registry)) as loops:
        await loops.contacts.update(email=EMAIL)
        exported = generate_latest(registry).decode()
    named = set(re.findall(r"\bloops_\w+(?=\{)", PAGE.read_text(encoding="utf-8")))
    assert len(named) >= 5
    assert {name for name in named if f"\n{name}{{" not in exported} == set()


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


async def test_opentelemetry_has_a_span_for_each_request(stormy: Sandbox) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    async with client(stormy, trace_attempts(tracer, stormy.url)) as loops:
        with tracer.start_as_current_span("signup") as signup:
            await loops.contacts.update(email=EMAIL)
            await loops.contacts.find(email=EMAIL)
    broken, refused, done, found, _ = spans = exporter.get_finished_spans()

    assert [span.name for span in spans] == [
        *["PUT /v1/contacts/update"] * 3,
        "GET /v1/contacts/find",
        "signup",
    ]
    for span in (broken, refused, done, found):
        assert span.kind is SpanKind.CLIENT
        assert span.parent is not None
        assert span.parent.span_id == signup.get_span_context().span_id
        assert span.start_time is not None
        assert span.end_time is not None
        assert span.start_time < span.end_time
    for earlier, later in [(broken, refused), (refused, done), (done, found)]:
        assert (earlier.end_time or 0) <= (later.end_time or 0)
    port = int(stormy.url.rsplit(":", 1)[1].partition("/")[0])
    always = {
        "http.request.method": "PUT",
        "url.full": f"{stormy.url}/v1/contacts/update",
        "url.template": "/v1/contacts/update",
        "server.address": "127.0.0.1",
        "server.port": port,
    }
    wait = attributes(broken).pop("loops.retry.wait")
    assert isinstance(wait, float)
    assert attributes(broken) == {
        **always,
        "http.response.status_code": 500,
        "error.type": "ServerError",
        "loops.retry.reason": "it may have taken effect",
        "loops.retry.wait": wait,
    }
    assert attributes(refused) == {
        **always,
        "http.response.status_code": 429,
        "http.request.resend_count": 1,
        "error.type": "RateLimited",
        "loops.retry.reason": "rate limited; the server asked for a wait of 0 s",
        "loops.retry.wait": 0.0,
    }
    assert attributes(done) == {
        **always,
        "http.response.status_code": 200,
        "http.request.resend_count": 2,
    }
    assert [span.status.status_code for span in (broken, refused, done, found)] == [
        StatusCode.ERROR,
        StatusCode.ERROR,
        StatusCode.UNSET,
        StatusCode.UNSET,
    ]
    assert "secret" not in " ".join(span.to_json() for span in spans)


async def test_opentelemetry_uses_the_global_provider_and_loops_own_address(
    stormy: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    async with client(stormy, trace_attempts()) as loops:
        await loops.contacts.find(email=EMAIL)
    last = exporter.get_finished_spans()[-1]
    assert attributes(last)["url.full"] == "https://app.loops.so/api/v1/contacts/find"
    assert attributes(last)["server.port"] == 443
    scope = last.instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.version) == ("loops_async", loops_async.__version__)


async def test_several_observers_see_the_same_requests(stormy: Sandbox) -> None:
    registry, exporter, provider = CollectorRegistry(), InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    seen: list[Attempt] = []
    tracing = trace_attempts(provider.get_tracer("tests"))
    async with client(stormy, [LoopsMetrics(registry), tracing, seen.append]) as loops:
        await loops.contacts.update(email=EMAIL)
    assert [attempt.error for attempt in seen] == ["ServerError", "RateLimited", None]
    assert len(exporter.get_finished_spans()) == 3
    labels = {**UPDATE, "outcome": "200"}
    assert registry.get_sample_value("loops_requests_total", labels) == 1


@pytest.mark.parametrize(("module", "needs"), [
    ("prometheus", "prometheus_client"), ("opentelemetry", "opentelemetry"),
])  # fmt: skip
def test_without_the_extra_the_import_says_what_to_install(module: str, needs: str) -> None:
    code = f"""
import sys
sys.modules["{needs}"] = None
from loops_async import MissingExtra
try:
    import loops_async.contrib.{module}
except MissingExtra as error:
    print(error)
"""
    said = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert said == (
        f"loops_async.contrib.{module} needs an extra: pip install 'loops-async[{module}]'\n"
    )


async def test_structlog_gets_each_request_with_what_the_caller_has_bound(stormy: Sandbox) -> None:
    with (
        structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as logs,
        structlog.contextvars.bound_contextvars(request_id="r1"),
    ):
        async with client(stormy, log_attempt) as loops:
            await loops.contacts.update(email=EMAIL)
            with pytest.raises(BadRequest):
                await loops.contacts.update(user_id="nobody")
    assert [(line["event"], line["log_level"], line["number"], line["error"]) for line in logs] == [
        ("loops.request.again", "info", 1, "ServerError"),
        ("loops.request.again", "info", 2, "RateLimited"),
        ("loops.request", "debug", 3, None),
        ("loops.request.failed", "warning", 1, "BadRequest"),
    ]
    assert {line["request_id"] for line in logs} == {"r1"}
    assert "secret" not in repr(logs)
