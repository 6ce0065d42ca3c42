from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from tests.telemetry.spans_of import TRACE, copy, handed_over, hop
from tests.xds.collector import Collector

from turnout.xds import otlp
from turnout.xds.otlp import Endpoint, Forwarder, service_name


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    found = Collector()
    await found.start()
    yield found
    await found.stop()


@asynccontextmanager
async def forwarding(port: int) -> AsyncIterator[Forwarder]:
    forwarder = Forwarder(Endpoint(f"127.0.0.1:{port}"))
    running = asyncio.create_task(forwarder.run())
    yield forwarder
    await forwarder.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def until(forwarder: Forwarder, **wanted: int) -> None:
    async with asyncio.timeout(10):
        while any(getattr(forwarder, name) != value for name, value in wanted.items()):  # noqa: ASYNC110 - elsewhere
            await asyncio.sleep(0.005)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(otlp, "_OPTIONS", (("grpc.initial_reconnect_backoff_ms", 50),))


async def test_a_collector_gets_the_spans_under_the_names_that_envoy_and_istio_use(collector: Collector) -> None:
    span = hop(1, 2, canonical_service="reviews", namespace="default", version="v1", flags="UF", error=True)
    async with forwarding(collector.port) as forwarder:
        forwarder.offer([span])
        (received,) = await collector.until(1)

    assert received == {
        "trace_id": TRACE,
        "span_id": span.span_id,
        "parent_id": span.parent_id,
        "name": "",
        "kind": 2,
        "start": 1_000_001_000_000,
        "end": 1_000_011_000_000,
        "failed": True,
        "service.name": "reviews.default",
        "error": True,
        "http.method": "GET",
        "http.url": "http://reviews.test/a?b=c",
        "http.status_code": "200",
        "response_flags": "UF",
        "source.workload": "gateway",
        "destination.service": "reviews.default.svc.cluster.local",
        "destination.workload": "reviews-v1",
        "destination.namespace": "default",
        "destination.version": "v1",
        "istio.canonical_service": "reviews",
        "istio.canonical_revision": "v1",
    }
    assert (forwarder.sent, forwarder.dropped, forwarder.failing) == (1, 0, "")


async def test_copies_are_marked(collector: Collector) -> None:
    async with forwarding(collector.port) as forwarder:
        forwarder.offer([hop(1), handed_over(2, 1), copy(3, 2)])
        received = {span["span_id"]: span for span in await collector.until(3)}

    assert "mirrored" not in received[hop(1).span_id]
    assert received[hop(2).span_id]["mirrored"] is True
    assert received[hop(3).span_id]["mirrored"] is True


async def test_many_spans_come_in_several_requests_and_all_of_them(collector: Collector) -> None:
    async with forwarding(collector.port) as forwarder:
        forwarder.offer([hop(number) for number in range(1, 1001)])
        await collector.until(1000)

    assert collector.requests == 1000 / otlp.AT_ONCE


def test_a_span_belongs_to_who_answered_or_should_have_else_to_who_asked() -> None:
    answered = hop(1, canonical_service="reviews", namespace="shop")
    assert service_name(answered) == "reviews.shop"
    assert service_name(hop(1, workload="")) == "reviews.default"
    gateway: dict[str, Any] = {"source": "istio-ingressgateway", "source_service": "istio-ingressgateway"}
    lost = hop(1, workload="", service="", source_namespace="istio-system", **gateway)
    assert service_name(lost) == "istio-ingressgateway.istio-system"
    assert service_name(hop(1, workload="", service="", source="")) == "unknown"


@pytest.mark.usefixtures("impatient")
async def test_a_collector_that_was_away_gets_what_waited_for_it(collector: Collector) -> None:
    await collector.stop()
    async with forwarding(collector.port) as forwarder:
        forwarder.offer([hop(1), hop(2)])
        async with asyncio.timeout(10):
            while not forwarder.failing:  # noqa: ASYNC110 - elsewhere
                await asyncio.sleep(0.005)
        assert forwarder.failing.startswith("UNAVAILABLE")
        await collector.start(collector.port)
        forwarder.offer([hop(3)])
        await collector.until(3)
        await until(forwarder, sent=3, dropped=0)

    assert forwarder.failing == ""
    assert [span["span_id"] for span in collector.received] == [hop(n).span_id for n in (1, 2, 3)]


async def test_of_spans_that_nobody_takes_a_bounded_number_waits_and_the_others_are_counted(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "MOST_WAITING", 300)
    await collector.stop()
    async with forwarding(collector.port) as forwarder:
        forwarder.offer([hop(number) for number in range(1, 1001)])
        assert forwarder.dropped == 700
        async with asyncio.timeout(10):
            while not forwarder.failing:  # noqa: ASYNC110 - elsewhere
                await asyncio.sleep(0.005)
        forwarder.offer([hop(1)])
        assert forwarder.dropped == 701


@pytest.mark.usefixtures("impatient")
async def test_spans_that_a_collector_refuses_are_dropped_and_not_sent_again(collector: Collector) -> None:
    async def refuse(context: Any) -> None:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not like that")

    collector.answer = refuse
    async with forwarding(collector.port) as forwarder:
        forwarder.offer([hop(1), hop(2)])
        await until(forwarder, dropped=2)
        assert forwarder.failing == "INVALID_ARGUMENT: not like that"
        collector.answer = None
        forwarder.offer([hop(3)])
        assert [span["span_id"] for span in await collector.until(1)] == [hop(3).span_id]


async def test_spans_that_a_collector_takes_in_part_are_counted(collector: Collector) -> None:
    async def some(context: Any) -> Any:
        answer = otlp.otlp("ExportTraceServiceResponse")()
        answer.partial_success.rejected_spans = 1
        answer.partial_success.error_message = "too old"
        return answer

    collector.answer = some
    async with forwarding(collector.port) as forwarder:
        forwarder.offer([hop(1), hop(2)])
        await until(forwarder, sent=1, dropped=1)
        assert forwarder.failing == "too old"


@pytest.mark.usefixtures("impatient")
async def test_a_collector_that_hangs_is_waited_for_and_holds_nobody_up(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(context: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(otlp, "EXPORT_SECONDS", 0.05)
    collector.answer = hang
    async with forwarding(collector.port) as forwarder:
        forwarder.offer([hop(1)])
        async with asyncio.timeout(10):
            while not forwarder.failing:  # noqa: ASYNC110 - elsewhere
                await asyncio.sleep(0.005)
        assert forwarder.failing.startswith("DEADLINE_EXCEEDED")
        collector.answer = None
        await collector.until(1)


async def test_what_still_waits_at_the_end_is_sent(collector: Collector) -> None:
    async with forwarding(collector.port) as forwarder:
        await asyncio.sleep(0)
        forwarder.offer([hop(1)])

    assert len(collector.received) == 1


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://localhost:4317", Endpoint("localhost:4317")),
        ("http://jaeger", Endpoint("jaeger:4317")),
        ("collector.test:55680/", Endpoint("collector.test:55680")),
        ("https://otlp.example.com", Endpoint("otlp.example.com:4317", encrypted=True)),
        ("http://[::1]:4317", Endpoint("[::1]:4317")),
    ],
)
def test_an_endpoint_is_a_url_with_or_without_scheme_and_port(url: str, endpoint: Endpoint) -> None:
    assert Endpoint.parse(url) == endpoint


@pytest.mark.parametrize("url", ["", "http://", "ftp://x", "http://x:0", "http://x:70000", "http://x/v1/traces", "a b"])
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is not http://HOST:PORT"):
        Endpoint.parse(url)
