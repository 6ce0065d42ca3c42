"""Istio's subtleties: what takes people by surprise. A real Envoy and the simulator are asked, and say the same."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.e2e.proxied import Answer as Got
from tests.simulator.asked import Asked, disagreements
from tests.simulator.generated import Sent

from turnout.compiler.cluster import cluster
from turnout.mesh.rule import Target
from turnout.resources.interpret import interpret
from turnout.simulator.answer import Action, Answer, Retries

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

A, B = "a.default.svc.cluster.local", "b.default.svc.cluster.local"
DEFAULT_RETRIES = ("connect-failure", "refused-stream", "unavailable", "cancelled", "retriable-status-codes")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked() -> AsyncIterator[Asked]:
    with tempfile.TemporaryDirectory(prefix="to-") as folder:
        site = Asked(Path(folder))
        await site.start()
        yield site
        await site.stop()


def virtual_service(http: str, hosts: str = "[a]", gateways: str = "[mesh]", name: str = "vs", created: int = 1) -> str:
    """`http`: in YAML's flow style."""
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n"
        f'metadata: {{name: {name}, creationTimestamp: "2024-01-0{created}T00:00:00Z"}}\n'
        f"spec: {{hosts: {hosts}, gateways: {gateways}, http: {http}}}\n"
    )


def destination_rule(host: str, spec: str) -> str:
    return (
        "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\n"
        f"metadata: {{name: {host}-more}}\nspec: {{host: {host}, {spec}}}\n"
    )


async def ask(site: Asked, path: str = "/", host: str = "a", via: str = "default/app", **headers: str) -> Answer:
    """The simulator's answer, which Envoy's does not contradict."""
    sent = Sent(via, "GET", host, path, tuple((name.replace("_", "-"), value) for name, value in headers.items()))
    told, got = site.told(sent), await site.got(sent)
    assert list(disagreements(told, got)) == []
    return told


async def got(site: Asked, path: str = "/", host: str = "a", via: str = "default/app") -> Got:
    return await site.got(Sent(via, "GET", host, path, ()))


def shares(told: Answer) -> dict[str, float]:
    """Where requests go: host and subset to percent."""
    return {f"{each.host.partition('.')[0]} {each.subset}".strip(): each.percent for each in told.destinations}


async def test_1_a_missing_subset_costs_its_share_of_requests(asked: Asked) -> None:
    split = "[{destination: {host: a}, weight: 50}, {destination: {host: a, subset: nope}, weight: 50}]"
    await asked.serve(virtual_service(f"[{{route: {split}}}]"))
    told = await ask(asked)
    assert [(each.percent, each.failure, each.failure_status) for each in told.destinations] == [
        (50, "", None),
        (50, "NC", 503),
    ]
    assert {(await got(asked)).status for _ in range(40)} == {200, 503}


async def test_2_a_request_is_tried_three_times_unless_retries_are_off(asked: Asked) -> None:
    off = "{match: [{uri: {prefix: /off}}], retries: {attempts: 0}, route: [{destination: {host: b}}]}"
    await asked.serve(virtual_service(f"[{off}, {{route: [{{destination: {{host: b}}}}]}}]"))
    assert (await ask(asked)).retries == Retries(2, DEFAULT_RETRIES)
    assert (await ask(asked, "/off")).retries is None
    asked.upstreams["default/b"].received.clear()
    assert (await ask(asked, x_answer="503")).action is Action.FORWARD
    assert len(asked.received("b")) == 1, "an answer of 503 is no reason"


async def test_3_no_timeout_is_none_and_an_injected_delay_does_not_count(asked: Asked) -> None:
    fault = "fault: {delay: {fixedDelay: 0.3s, percentage: {value: 100}}}"
    limited = f"{{match: [{{uri: {{prefix: /slow}}}}], timeout: 0.1s, {fault}, route: [{{destination: {{host: b}}}}]}}"
    await asked.serve(virtual_service(f"[{limited}, {{route: [{{destination: {{host: b}}}}]}}]"))
    assert (await ask(asked)).timeout_seconds is None
    told = await ask(asked, "/slow")
    assert told.timeout_seconds == 0.1
    assert told.fault is not None
    assert (told.fault.delay_seconds, told.fault.delay_percent) == (0.3, 100)
    assert (await got(asked, "/slow")).status == 200


async def test_4_a_prefix_knows_nothing_of_segments(asked: Asked) -> None:
    route = "{match: [{uri: {prefix: /pre}}], rewrite: {uri: /}, route: [{destination: {host: b}}]}"
    await asked.serve(virtual_service(f"[{route}]"))
    assert [(await ask(asked, path)).path_sent for path in ("/prefix/x", "/pre/x")] == ["/fix/x", "//x"]
    assert (await ask(asked, "/other")).status == 404


async def test_5_weights_need_not_sum_to_a_hundred_and_a_single_one_counts_for_nothing(asked: Asked) -> None:
    split = "[{destination: {host: a, subset: v1}, weight: 1}, {destination: {host: a, subset: v2}, weight: 3}]"
    none = "{match: [{uri: {prefix: /one}}], route: [{destination: {host: b}, weight: 0}]}"
    await asked.serve(virtual_service(f"[{none}, {{route: {split}}}]"))
    assert shares(await ask(asked)) == {"a v1": 25, "a v2": 75}
    assert shares(await ask(asked, "/one")) == {"b": 100}


async def test_6_a_mirror_without_a_percentage_is_all_and_with_an_empty_one_none(asked: Asked) -> None:
    to_a, copied = "route: [{destination: {host: a, subset: v1}}]", "mirror: {host: b}"
    quiet = f"{{match: [{{uri: {{prefix: /quiet}}}}], {to_a}, {copied}, mirrorPercentage: {{}}}}"
    gone = f"{{match: [{{uri: {{prefix: /gone}}}}], {to_a}, mirror: {{host: a, subset: nope}}}}"
    await asked.serve(virtual_service(f"[{quiet}, {gone}, {{{to_a}, {copied}}}]"))
    assert [(each.host, each.percent) for each in (await ask(asked)).mirrors] == [(B, 100)]
    assert (await ask(asked, "/quiet")).mirrors == ()
    assert [each.failure for each in (await ask(asked, "/gone")).mirrors] == ["NC"]
    assert (await got(asked, "/gone")).by == "a-v1"
    assert [copy["headers"]["host"] for copy in await asked.until_received("b", 1)] == ["a"]


async def test_7_a_single_destinations_header_wins_over_the_routes_a_weighted_ones_does_not(asked: Asked) -> None:
    own = "headers: {request: {set: {x-w: r}}}"
    place = "{destination: {host: a}, weight: 1, headers: {request: {set: {x-w: c}}}}"
    one = f"{{match: [{{uri: {{prefix: /one}}}}], {own}, route: [{place}]}}"
    await asked.serve(virtual_service(f"[{one}, {{{own}, route: [{place}, {place}]}}]"))
    assert [(await ask(asked, path)).destinations[0].headers["x-w"] for path in ("/one", "/")] == ["c", "r"]


async def test_8_two_virtual_services_are_merged_at_a_gateway_and_not_in_the_mesh(asked: Asked) -> None:
    older = "[{match: [{uri: {prefix: /}}], route: [{destination: {host: a, subset: v1}}]}]"
    younger = "[{match: [{uri: {prefix: /b}}], route: [{destination: {host: b}}]}]"
    await asked.serve(
        virtual_service(older, f"[{A}]", "[gw, mesh]", "older", 1),
        virtual_service(younger, f"[{A}]", "[gw, mesh]", "younger", 2),
    )
    assert shares(await ask(asked, "/b", A, "80")) == {"b": 100}
    assert shares(await ask(asked, "/", A, "80")) == {"a v1": 100}
    assert shares(await ask(asked, "/b", A)) == {"a v1": 100}


async def test_9_gateways_in_a_match_switch_labels_off(asked: Asked) -> None:
    def rule(gateways: str) -> str:
        labels = f"{{match: [{{{gateways}sourceLabels: {{app: x}}}}], route: [{{destination: {{host: b}}}}]}}"
        return virtual_service(f"[{labels}, {{route: [{{destination: {{host: a}}}}]}}]", f"[{A}]", "[gw, mesh]")

    await asked.serve(rule("gateways: [mesh], "))
    assert shares(await ask(asked, host=A)) == {"b": 100}
    await asked.serve(rule(""))
    assert shares(await ask(asked, host=A)) == {"a": 100}


async def test_10_a_destination_with_a_dot_is_not_expanded(asked: Asked) -> None:
    await asked.serve(virtual_service("[{route: [{destination: {host: a.default}}]}]"))
    (place,) = (await ask(asked)).destinations
    assert (place.cluster, place.failure) == ("outbound|80||a.default", "NC")


async def test_11_a_ports_policy_replaces_the_whole_and_gateway_errors_do_not_switch_5xx_off(asked: Asked) -> None:
    port = "portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: RANDOM}}]"
    await asked.serve(
        destination_rule("b", f"trafficPolicy: {{connectionPool: {{tcp: {{connectTimeout: 1s}}}}, {port}}}"),
        destination_rule("idle", "trafficPolicy: {outlierDetection: {consecutiveGatewayErrors: 3}}"),
    )
    mesh = asked.simulations["default/app"].mesh
    (place,) = (await ask(asked, host="b")).destinations
    built = cluster(mesh, Target(place.host, place.port))
    assert (built.LbPolicy.Name(built.lb_policy), built.connect_timeout.seconds) == ("RANDOM", 10)
    idle = cluster(mesh, Target("idle.default.svc.cluster.local", 80))
    assert not idle.outlier_detection.HasField("enforcing_consecutive_5xx"), "Envoy's five in a row stay in force"
    assert idle.common_lb_config.healthy_panic_threshold.value == 0


async def test_12_what_envoy_would_refuse_is_refused_before_and_hosts_are_one_whatever_their_case(asked: Asked) -> None:
    refused = [
        {"directResponse": {"status": 600}},
        {"redirect": {"redirectCode": 304, "uri": "/x"}},
        {
            "route": [{"destination": {"host": "a"}}],
            "fault": {"abort": {"httpStatus": 600, "percentage": {"value": 1}}},
        },
    ]
    for http in refused:
        spec = {"hosts": ["a"], "http": [http]}
        meta = {"name": "v"}
        obj = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": meta, "spec": spec}
        assert interpret(obj).resource is None
    first = "[{match: [{uri: {prefix: /a}}], route: [{destination: {host: a, subset: v1}}]}]"
    await asked.serve(
        virtual_service(first, "[Www.shop.example]", "[gw]", "older", 1),
        virtual_service("[{route: [{destination: {host: b}}]}]", "[www.SHOP.example]", "[gw]", "younger", 2),
    )
    assert shares(await ask(asked, "/a", "WWW.shop.example", "80")) == {"a v1": 100}
    assert shares(await ask(asked, "/", "www.shop.example", "80")) == {"b": 100}
