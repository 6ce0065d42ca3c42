"""Traffic as a graph: who calls whom, how often per request, and whose requests copies are of."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.mesh import mesh
from turnout.mesh.mesh import Mesh
from turnout.resources.interpret import interpret
from turnout.telemetry.graph import GATEWAY, Edge, Graph, Node, NodeKind, apportioned, graph
from turnout.telemetry.route_map import RouteMap, route_map
from turnout.telemetry.series import OTHER, Series
from turnout.telemetry.traffic import Traffic

SECONDS = 10.0


def host(service: str) -> str:
    return f"{service}.default.svc.cluster.local"


def called(
    source: str,
    target: str,
    subset: str = "",
    *,
    route: str = "default",
    code: str = "200",
    flags: str = "-",
    answered: bool = True,
) -> Series:
    """A kind of request from a workload (`gateway`: the gateway) to `<target>-<subset>`."""
    gateway = source == "gateway"
    return Series(
        source_workload=GATEWAY.workload if gateway else source,
        source_workload_namespace=GATEWAY.namespace if gateway else "default",
        upstream_cluster=f"outbound|80|{subset}|{host(target)}",
        route=route,
        response_code=code,
        response_flags=flags,
        **(_answer(target, subset) if answered else {}),
    )


def copy(target: str, subset: str, *, code: str = "200", answered: bool = True) -> Series:
    """A kind of copy; who sent it is not known."""
    return Series(
        upstream_cluster=f"copy|80|{subset}|{host(target)}",
        response_code=code,
        response_flags="-",
        mirrored=True,
        **(_answer(target, subset) if answered else {}),
    )


def _answer(target: str, subset: str) -> dict[str, Any]:
    return {
        "destination_workload": f"{target}-{subset}" if subset else target,
        "destination_workload_namespace": "default",
        "destination_canonical_service": target,
        "destination_canonical_revision": subset or "latest",
        "destination_subset": subset or "-",
    }


def drawn(*counted: tuple[Series, int], known: tuple[Node, ...] = (), routes: RouteMap | None = None) -> Graph:
    traffic = {
        series: Traffic(requests, requests if series.failed else 0, SECONDS, {(1000.0 * requests, 0.0): requests})
        for series, requests in counted
    }
    return graph(traffic, known, routes or RouteMap())


def edges(found: Graph) -> dict[tuple[str, str, bool], Edge]:
    by_ends = {(edge.source, edge.target, edge.mirrored): edge for edge in found.edges}
    assert len(by_ends) == len(found.edges)
    return by_ends


GATEWAY_ID = "istio-system/istio-ingressgateway"


def test_series_of_one_call_are_one_edge_with_its_codes_errors_and_latency() -> None:
    found = drawn(
        (called("gateway", "reviews", "v1"), 75),
        (called("gateway", "reviews", "v1", code="503", flags="UF,URX"), 25),
    )

    (edge,) = found.edges
    assert (edge.source, edge.target) == (GATEWAY_ID, "default/reviews-v1")
    assert (edge.service, edge.subset, edge.mirrored) == (host("reviews"), "v1", False)
    assert (edge.traffic.requests, edge.traffic.errors, edge.traffic.rate) == (100, 25, 10.0)
    assert (edge.codes, edge.flags) == ({"200": 75, "503": 25}, {"UF": 25, "URX": 25})
    assert edge.traffic.milliseconds(0.5) == 75


def test_a_workload_without_traffic_is_a_node() -> None:
    idle = Node(NodeKind.WORKLOAD, "default", "idle", "idle", "v1", pods=2, ready=1)

    assert drawn(known=(idle,)).nodes == {"default/idle": idle}


def test_a_workload_that_is_gone_is_a_node_as_long_as_its_traffic_is_remembered() -> None:
    node = drawn((called("gateway", "reviews", "v1"), 1)).nodes["default/reviews-v1"]

    assert (node.kind, node.service, node.version, node.pods) == (NodeKind.WORKLOAD, "reviews", "v1", 0)


def test_what_is_known_of_a_node_is_not_replaced_by_what_traffic_tells() -> None:
    known = Node(NodeKind.WORKLOAD, "default", "reviews-v1", "reviews", "v1", pods=3, ready=3)

    assert drawn((called("gateway", "reviews", "v1"), 1), known=(known,)).nodes[known.id] is known


@pytest.mark.parametrize("code_and_flags", [("503", "UH"), ("0", "DC")])
def test_requests_that_nobody_took_lead_to_the_service(code_and_flags: tuple[str, str]) -> None:
    code, flags = code_and_flags
    found = drawn((called("a", "reviews", "v2", code=code, flags=flags, answered=False), 3))

    (edge,) = found.edges
    assert (edge.target, edge.service, edge.subset) == (f"service:{host('reviews')}", host("reviews"), "v2")
    assert edge.traffic.errors == 3
    assert found.nodes[edge.target].kind is NodeKind.SERVICE


def test_requests_that_were_for_no_service_lead_to_an_unknown_node() -> None:
    blocked = Series("a", "default", upstream_cluster="-", route="block_all", response_code="502")

    (edge,) = drawn((blocked, 1)).edges
    assert (edge.source, edge.target, edge.service) == ("default/a", "unknown", "")


def test_series_beyond_the_limit_are_a_node_of_their_own() -> None:
    found = drawn((Series(OTHER, destination_workload=OTHER, route=OTHER, response_code="200"), 5))

    assert found.nodes[OTHER].kind is NodeKind.UNKNOWN
    assert [(edge.source, edge.target, edge.traffic.requests) for edge in found.edges] == [(OTHER, OTHER, 5)]


# --- fan-out


def fan_out(found: Graph) -> dict[tuple[str, str], float | None]:
    return {(e.source, e.target): calls for e, calls in zip(found.edges, found.fan_out(), strict=True)}


def test_fan_out_is_calls_per_request_that_came_into_the_caller() -> None:
    found = drawn((called("gateway", "shop"), 40), (called("web", "shop"), 10), (called("shop", "reviews", "v1"), 150))

    assert fan_out(found) == {
        (GATEWAY_ID, "default/shop"): None,
        ("default/web", "default/shop"): None,
        ("default/shop", "default/reviews-v1"): 3.0,
    }


def test_a_services_calls_to_itself_count_per_request_from_elsewhere() -> None:
    """The random numbers: 20 requests to /, each of which calls /random/number 25 times."""
    found = drawn(
        (called("gateway", "numbers", "blue"), 20),
        (called("numbers-blue", "numbers", "blue"), 495),
        (called("numbers-blue", "numbers", "green"), 5),
    )

    blue, green = "default/numbers-blue", "default/numbers-green"
    assert fan_out(found) == {(GATEWAY_ID, blue): None, (blue, blue): 24.75, (blue, green): 0.25}


def test_copies_cause_calls_as_requests_do() -> None:
    found = drawn((copy("reviews", "v2"), 50), (called("reviews-v2", "ratings"), 100))

    assert fan_out(found)["default/reviews-v2", "default/ratings"] == 2.0


# --- copies


def virtual_services(*specs: tuple[str, dict[str, Any]]) -> Mesh:
    resources = []
    for name, spec in specs:
        meta = {"name": name, "namespace": "default"}
        found = interpret(
            {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": meta, "spec": spec}
        )
        assert found.resource is not None, found.problems
        resources.append(found.resource)
    return mesh.build(resources)


def mirroring(service: str = "reviews", percent: float = 100, *, gateways: tuple[str, ...] = ()) -> dict[str, Any]:
    http = {
        "route": [{"destination": {"host": service, "subset": "v1"}}],
        "mirror": {"host": service, "subset": "v2"},
        "mirrorPercentage": {"value": percent},
    }
    outside = {"hosts": [f"{service}.test"], "gateways": list(gateways)} if gateways else {"hosts": [service]}
    return {**outside, "http": [http]}


def test_copies_come_from_whoever_uses_the_route_that_copies() -> None:
    routes = route_map(virtual_services(("reviews", mirroring())))
    found = drawn(
        (called("web", "reviews", "v1", route="default/reviews/http[0]"), 10),
        (called("gateway", "web"), 10),
        (copy("reviews", "v2"), 10),
        routes=routes,
    )

    assert edges(found).keys() == {
        ("default/web", "default/reviews-v1", False),
        (GATEWAY_ID, "default/web", False),
        ("default/web", "default/reviews-v2", True),
    }
    copies = edges(found)["default/web", "default/reviews-v2", True]
    assert (copies.traffic.requests, copies.subset, copies.service) == (10, "v2", host("reviews"))


def test_copies_of_several_callers_are_shared_out_in_proportion_and_keep_their_total() -> None:
    routes = route_map(virtual_services(("in", mirroring(percent=50, gateways=("gw",))), ("own", mirroring())))
    found = edges(
        drawn(
            (called("gateway", "reviews", "v1", route="default/in/http[0]"), 20),
            (called("web", "reviews", "v1", route="default/own/http[0]"), 20),
            (copy("reviews", "v2"), 25),
            (copy("reviews", "v2", code="500"), 4),
            routes=routes,
        )
    )

    from_gateway = found[GATEWAY_ID, "default/reviews-v2", True]
    from_web = found["default/web", "default/reviews-v2", True]
    assert from_gateway.codes == {"200": 8, "500": 1}
    assert from_web.codes == {"200": 17, "500": 3}
    assert (from_gateway.traffic.errors, from_web.traffic.errors) == (1, 3)


def test_a_route_of_the_same_name_that_leads_elsewhere_copies_nothing() -> None:
    routes = route_map(virtual_services(("reviews", mirroring())))
    named = "default/reviews/http[0]"
    found = drawn(
        (called("web", "reviews", "v1", route=named), 5),
        (called("shop", "ratings", "v1", route=named), 5),
        (called("gateway", "reviews", "v1", route=named), 5),
        (copy("reviews", "v2"), 5),
        routes=routes,
    )

    assert [edge.source for edge in found.edges if edge.mirrored] == ["default/web"]


def test_copies_of_a_mirror_now_off_come_from_the_callers_of_the_service() -> None:
    found = drawn((called("web", "reviews", "v1"), 5), (called("web", "ratings"), 5), (copy("reviews", "v2"), 5))

    assert [edge.source for edge in found.edges if edge.mirrored] == ["default/web"]


def test_copies_without_any_request_come_from_nobody_known() -> None:
    assert [edge.source for edge in drawn((copy("reviews", "v2"), 5)).edges] == ["unknown"]


def test_copies_that_nobody_took_lead_to_the_service() -> None:
    (edge,) = drawn((copy("reviews", "v2", code="503", answered=False), 5)).edges

    assert (edge.target, edge.mirrored) == (f"service:{host('reviews')}", True)


def test_copies_are_not_among_what_came_in() -> None:
    found = drawn((called("gateway", "reviews", "v1"), 10), (copy("reviews", "v1"), 4))

    assert found.incoming("default/reviews-v1").requests == 10
    assert found.incoming("default/reviews-v1", mirrored=True).requests == 4
    assert found.incoming(GATEWAY_ID).requests == 10


def test_a_route_that_leads_to_a_missing_version_tells_the_service() -> None:
    to_nothing = {"hosts": ["a"], "http": [{"route": [{"destination": {"host": "gone", "subset": "v9"}}]}]}
    nothing = Series("web", "default", upstream_cluster="-", route="default/a/http[0]", response_code="503")
    (edge,) = drawn((nothing, 2), routes=route_map(virtual_services(("a", to_nothing)))).edges

    assert (edge.target, edge.service, edge.subset) == (f"service:{host('gone')}", host("gone"), "v9")


@pytest.mark.parametrize(
    ("whole", "weights", "parts"),
    [(10, [1.0], [10]), (10, [1.0, 1.0, 1.0], [4, 3, 3]), (1, [0.1, 0.9], [0, 1]), (0, [1.0, 2.0], [0, 0])],
)
def test_what_is_shared_out_keeps_its_total(whole: int, weights: list[float], parts: list[int]) -> None:
    assert apportioned(whole, weights) == parts
