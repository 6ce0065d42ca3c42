"""A whole `turnout up`: one request through three services and a copy, seen in the terminal and by a collector."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.e2e.launch import Launch
from tests.e2e.site import Site, until
from tests.xds.collector import Collector

pytestmark = [pytest.mark.e2e]

FORCED = {"x-b3-sampled": "1"}
HOST = "customer.test"


def listed(site: Site, *options: str) -> list[dict[str, Any]]:
    outcome = site.run("traces", "--json", *options)
    assert outcome.status == 0, outcome.err
    return list(json.loads(outcome.out)["traces"])


def complete(site: Site) -> dict[str, Any] | None:
    """The latest trace, once all of its hops are there: three calls and a copy."""
    traces = listed(site)
    return traces[0] if traces and traces[0]["spans"] == 4 else None


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    found = Collector()
    await found.start()
    yield found
    await found.stop()


async def test_a_request_is_one_trace_through_all_services_here_and_at_a_collector(collector: Collector) -> None:
    launch = Launch()
    try:
        await asyncio.to_thread(_up_and_look, launch, collector.port)
        site = launch.site
        received = {span["span_id"]: span for span in await collector.until(5)}
        trace = await asyncio.to_thread(until, "the trace is complete", lambda: complete(site))
        shown = json.loads(site.run("traces", trace["trace_id"][:8], "--json").out)
    finally:
        await asyncio.to_thread(launch.close)

    hops = [(span["source"], span["workload"], span["version"], span["mirrored"]) for span in shown["spans"]]
    assert hops == [
        ("istio-ingressgateway", "customer-v1", "v1", False),
        ("customer-v1", "preference-v1", "v1", False),
        ("preference-v1", "recommendation-v1", "v1", False),
        ("preference-v1", "recommendation-v2", "v2", True),
    ]
    entry, second, third, copied = (span["span_id"] for span in shown["spans"])
    assert [span["parent_id"] for span in shown["spans"]] == ["", entry, second, third]
    assert len(received) == 5
    for span in shown["spans"]:
        there = received[span["span_id"]]
        assert (there["trace_id"], there["http.status_code"]) == (trace["trace_id"], "200")
        assert there["service.name"] == f"{span['canonical_service']}.default"
    assert received[copied]["mirrored"] is True
    (handed_over,) = (span for span in received.values() if span["span_id"] == received[copied]["parent_id"])
    assert handed_over["parent_id"] == third


def _up_and_look(launch: Launch, collector_port: int) -> None:
    launch.site.up("--trace-sampling", "0", "--otlp-endpoint", f"http://127.0.0.1:{collector_port}")
    for _ in range(10):
        assert launch.site.get("/", HOST).status == 200
    assert launch.site.get("/", HOST, FORCED).status == 200


@pytest.fixture(scope="module")
def traced() -> Any:
    """The dark launch, all of it traced, and no collector where one should be."""
    launch = Launch()
    try:
        launch.site.up("--trace-sampling", "100", "--otlp-endpoint", "127.0.0.1:1")
        yield launch.site
    finally:
        launch.close()


def test_traces_are_searched_for_and_drawn(traced: Site) -> None:
    assert traced.get("/", HOST).status == 200
    trace = until("the trace is complete", lambda: complete(traced))

    assert (trace["name"], trace["service"]) == ("GET /", "customer.default.svc.cluster.local")
    assert (trace["status"], trace["error"], trace["mirrored"]) == ("200", False, True)
    assert [found["trace_id"] for found in listed(traced, "--workload", "recommendation-v2")] == [trace["trace_id"]]
    assert listed(traced, "--service", "recommendation", "--status", "5xx") == []
    drawn = traced.run("traces", trace["trace_id"][:12]).out.splitlines()
    assert [line.split("  200")[0].rstrip() for line in drawn[3:]] == [
        "istio-ingressgateway → customer v1",
        "└─ customer-v1 → preference v1",
        "   └─ preference-v1 → recommendation v1",
        "      └─ preference-v1 → recommendation v2 (copy)",
    ]


def test_a_trace_that_is_not_there_is_an_error_with_a_hint(traced: Site) -> None:
    outcome = traced.run("traces", "f" * 32)

    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err.startswith(f"error: there is no trace {'f' * 32}\nhint: ")


def test_a_collector_that_is_not_there_is_a_problem_and_harms_nothing(traced: Site) -> None:
    assert traced.get("/", HOST).status == 200
    found = traced.until_status(
        "the collector is missed", lambda status: [p for p in status["problems"] if p["code"] == "TNO408"]
    )

    assert found[0]["severity"] == "warning"
    assert traced.run("status").status == 0


def test_an_adopted_envoy_goes_on_handing_in_its_spans(traced: Site) -> None:
    (before,) = traced.ups
    envoy = traced.pids()["envoy"]
    before.kill()
    assert traced.get("/", HOST).status == 200
    traced.up("--trace-sampling", "0")
    assert traced.pids()["envoy"] == envoy
    known = {trace["trace_id"] for trace in listed(traced)}
    assert known, "traces outlive whoever wrote them down"
    assert traced.get("/", HOST).status == 200
    forced = "4bf92f3577b34da6a3ce929d0e0e4736"
    assert traced.get("/", HOST, {"traceparent": f"00-{forced}-00f067aa0ba902b7-01"}).status == 200

    new = until("the forced trace is there", lambda: {trace["trace_id"] for trace in listed(traced)} - known)
    assert new == {forced}
