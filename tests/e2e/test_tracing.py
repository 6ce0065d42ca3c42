"""What becomes of trace contexts, and which requests are traced, through one real Envoy."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.e2e.proxied import Proxied

from turnout.telemetry.span import Span, Trace
from turnout.xds import zipkin
from turnout.xds.spans import SpanReceiver

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
W3C: dict[str, Any] = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
B3 = {"x_b3_traceid": TRACE, "x_b3_spanid": CALLER, "x_b3_sampled": "1"}
B3_SINGLE = {"b3": f"{TRACE}-{CALLER}-1"}
PASSED_ON = ("traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled")

SERVICES = "".join(
    f"""---
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{app: {name}}}, ports: [{{port: 80, targetPort: 8080}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}, version: v7}}}}
    spec: {{containers: [{{name: main, image: x, ports: [{{containerPort: 8080}}]}}]}}
"""
    for name in ("cart", "reviews", "shadow")
)
GATEWAY = """---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gateway}
spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [shop.test]}]}
"""


def routes(mirror: str = "", timeout: str = "10s") -> str:
    """The gateway leads to cart; calls of reviews have a route of their own."""
    return f"""---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: shop}}
spec: {{hosts: [shop.test], gateways: [gateway], http: [{{name: entry, route: [{{destination: {{host: cart}}}}]}}]}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: reviews}}
spec:
  hosts: [reviews]
  http: [{{timeout: {timeout}, route: [{{destination: {{host: reviews}}}}]{mirror}}}]
"""


COPIED = ", mirror: {host: shadow}"


class Site:
    """A gateway to `cart`, from whose proxy `reviews` is called."""

    def __init__(self, folder: Path) -> None:
        self.proxied = Proxied(folder)
        self.spans: list[Span] = []
        self.receiver = SpanReceiver(folder / "spans.sock", lambda body: self.spans.extend(zipkin.spans(body)))

    async def apply(self, routing: str = "", *, sampling_percent: float = 0.0) -> None:
        await self.proxied.apply(SERVICES, GATEWAY, routing or routes(), sampling_percent=sampling_percent)
        self.spans.clear()

    async def enter(self, **headers: Any) -> Mapping[str, str]:
        """From outside; the headers that cart got."""
        answer = await self.proxied.ask("shop.test/basket?id=1", **headers)
        assert answer.by == "cart"
        return dict(answer.request["headers"])

    async def call(self, received: Mapping[str, str] | None = None, /, **headers: str) -> Mapping[str, str]:
        """From cart, which passes on what it `received`; the headers that reviews got."""
        passed = {name.replace("-", "_"): value for name, value in (received or {}).items() if name in PASSED_ON}
        answer = await self.proxied.call("reviews/stars", "default/cart", **passed | headers)
        assert answer.by == "reviews"
        return dict(answer.request["headers"])

    async def until(self, number: int) -> list[Span]:
        """The spans, once there are so many."""
        async with asyncio.timeout(10):
            while len(self.spans) < number:  # noqa: ASYNC110 - Envoy sends them when it likes
                await asyncio.sleep(0.01)
        return sorted(self.spans, key=lambda span: span.at)

    async def only_spans(self, number: int) -> list[Span]:
        """All that there are: what Envoy had to say before a request that is traced for sure is here before that."""
        await self.enter(x_client_trace_id="the last")
        found = await self.until(number + 1)
        assert len(found) == number + 1
        return found[:-1]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Site]:
    with tempfile.TemporaryDirectory(prefix="to-") as folder:
        site = Site(Path(folder))
        await site.receiver.start()
        await site.proxied.start()
        yield site
        await site.proxied.stop()
        await site.receiver.stop()


@pytest.mark.parametrize("context", [W3C, B3, B3_SINGLE], ids=["W3C", "B3", "B3 in one header"])
async def test_a_context_is_continued_from_the_gateway_to_the_second_hop(site: Site, context: dict[str, str]) -> None:
    await site.apply()
    at_cart = await site.enter(**context)
    at_reviews = await site.call(at_cart)
    entry, call = await site.until(2)

    assert (entry.trace_id, entry.parent_id) == (TRACE, CALLER)
    assert (call.trace_id, call.parent_id) == (TRACE, entry.span_id)
    assert at_cart["traceparent"] == f"00-{TRACE}-{entry.span_id}-01"
    assert at_reviews["traceparent"] == f"00-{TRACE}-{call.span_id}-01"


async def test_applications_that_know_only_b3_are_given_it_too(site: Site) -> None:
    await site.apply()
    at_cart = await site.enter(**W3C)
    (entry,) = await site.until(1)

    b3 = {name: at_cart[f"x-b3-{name}"] for name in ("traceid", "spanid", "parentspanid", "sampled")}
    assert b3 == {"traceid": TRACE, "spanid": entry.span_id, "parentspanid": CALLER, "sampled": "1"}


async def test_an_application_that_passes_on_b3_alone_stays_in_the_trace(site: Site) -> None:
    await site.apply()
    at_cart = await site.enter(**W3C)
    await site.call({name: value for name, value in at_cart.items() if name.startswith("x-b3")})
    entry, call = await site.until(2)

    assert (call.trace_id, call.parent_id) == (TRACE, entry.span_id)


async def test_half_a_trace_id_of_an_old_b3_client_is_filled_up(site: Site) -> None:
    await site.apply()
    await site.enter(**B3 | {"x_b3_traceid": TRACE[16:]})
    (entry,) = await site.until(1)

    assert entry.trace_id == "0" * 16 + TRACE[16:]


async def test_a_span_says_who_called_whom_on_which_route_and_what_came_of_it(site: Site) -> None:
    await site.apply()
    at_cart = await site.enter(**W3C)
    await site.call(at_cart, x_answer="404")
    entry, call = await site.until(2)

    assert (entry.source, entry.source_namespace) == ("istio-ingressgateway", "istio-system")
    assert (entry.service, entry.name) == ("cart.default.svc.cluster.local", "cart.default.svc.cluster.local:80/*")
    assert (entry.workload, entry.namespace, entry.canonical_service, entry.version) == (
        "cart",
        "default",
        "cart",
        "v7",
    )
    assert (entry.route, entry.method, entry.url) == ("entry", "GET", "http://shop.test/basket?id=1")
    assert (entry.status, entry.flags, entry.error, entry.mirrored) == ("200", "", False, False)
    assert entry.upstream == f"127.0.0.1:{site.proxied.upstreams['default/cart'].port}"
    assert entry.request_id == at_cart["x-request-id"]
    assert entry.response_bytes > 100
    assert entry.duration_ms > 0
    assert (call.source, call.route, call.status, call.error) == ("cart", "default/reviews/http[0]", "404", False)


async def test_a_call_that_times_out_is_an_error_with_envoys_flag(site: Site) -> None:
    await site.apply(routes(timeout="50ms"))
    answer = await site.proxied.call("reviews/slow", "default/cart", x_delay="1", **W3C)
    assert answer.status == 504
    (call,) = await site.until(1)

    assert (call.status, call.flags, call.error, call.workload) == ("504", "UT", True, "reviews")


async def test_a_request_that_no_rule_takes_is_traced_as_well(site: Site) -> None:
    await site.apply()
    assert (await site.proxied.ask("nobody.test/", **W3C)).status == 404
    (span,) = await site.until(1)

    assert (span.source, span.service, span.status, span.flags) == ("istio-ingressgateway", "", "404", "NR")


@pytest.mark.parametrize(
    "headers", [{}, {"x_b3_sampled": "0"}, {"traceparent": f"00-{TRACE}-{CALLER}-00"}, {"x_envoy_force_trace": "true"}]
)
async def test_at_0_percent_nothing_is_traced_that_nobody_asks_for(site: Site, headers: dict[str, str]) -> None:
    await site.apply(sampling_percent=0)
    for _ in range(20):
        await site.enter(**headers)
        await site.call(**headers)

    assert await site.only_spans(0) == []


@pytest.mark.parametrize(
    "headers",
    [W3C, B3, B3_SINGLE, {"x_b3_sampled": "1"}, {"b3": "1"}, {"x_client_trace_id": "me"}],
    ids="+".join,
)
async def test_a_trace_can_be_forced_at_the_gateway_and_from_a_workload(site: Site, headers: dict[str, str]) -> None:
    await site.apply(sampling_percent=0)
    await site.enter(**headers)
    await site.call(**headers)
    entry, call = await site.until(2)

    assert [entry.source, call.source] == ["istio-ingressgateway", "cart"]


async def test_at_100_percent_everything_is_traced_but_what_its_caller_does_not_want(site: Site) -> None:
    await site.apply(sampling_percent=100)
    for _ in range(10):
        await site.call(await site.enter())
    await site.enter(traceparent=f"00-{TRACE}-{CALLER}-00")

    traces = {span.trace_id for span in await site.only_spans(20)}
    assert len(traces) == 10
    assert TRACE not in traces


async def test_of_requests_whose_callers_have_not_decided_a_share_is_traced(site: Site) -> None:
    await site.apply(sampling_percent=20)
    for _ in range(200):
        await site.enter()
    await site.enter(**W3C)
    async with asyncio.timeout(10):
        while TRACE not in {span.trace_id for span in site.spans}:  # noqa: ASYNC110 - Envoy sends them when it likes
            await asyncio.sleep(0.01)

    assert 10 <= len(site.spans) <= 80


async def test_a_copy_is_in_the_trace_of_its_request(site: Site) -> None:
    await site.apply(routes(COPIED))
    await site.call(**W3C)
    (at_shadow,) = [request["headers"] for request in await site.proxied.until_received("shadow", 1)]
    trace = Trace.of(await site.until(3))

    call, copied = trace.spans
    assert (call.trace_id, call.parent_id, call.mirrored) == (TRACE, CALLER, False)
    assert (copied.trace_id, copied.parent_id, copied.mirrored) == (TRACE, call.span_id, True)
    assert (copied.source, copied.service, copied.workload) == ("cart", "shadow.default.svc.cluster.local", "shadow")
    assert at_shadow["traceparent"] == f"00-{TRACE}-{copied.span_id}-01"


async def test_a_copy_of_a_request_that_is_not_traced_is_not_either(site: Site) -> None:
    await site.apply(routes(COPIED))
    for _ in range(5):
        await site.call()
    await site.proxied.until_received("shadow", 5)

    assert await site.only_spans(0) == []


async def test_without_a_receiver_requests_go_on_and_spans_come_again_once_there_is_one(site: Site) -> None:
    await site.apply(sampling_percent=100)
    await site.receiver.stop()
    log = site.proxied.runtime / "envoy.log"
    said = log.stat().st_size
    for _ in range(300):
        await site.call()
    await asyncio.sleep(1)  # twice as long as Envoy waits before it hands spans in
    assert log.stat().st_size == said
    await site.receiver.start()
    await site.call(**W3C)

    async with asyncio.timeout(10):
        while TRACE not in {span.trace_id for span in site.spans}:  # noqa: ASYNC110 - Envoy sends them when it likes
            await asyncio.sleep(0.01)
