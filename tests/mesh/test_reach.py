"""Which rules can be met at all, and the order of those that come from several VirtualServices."""

from __future__ import annotations

import json
from typing import Any

from tests.compiler.world import World, world

from turnout.mesh.reach import Reach, reach
from turnout.resources.virtual_service import VirtualService

JSON = dict[str, Any]
ALL: JSON = {"route": [{"destination": {"host": "a"}}]}


def path(prefix: str, **more: Any) -> JSON:
    return {**ALL, "match": [{"uri": {"prefix": prefix}, **more}]}


def virtual_service(name: str, *http: JSON, host: str = "a.test", gateways: tuple[str, ...] = ("gw",)) -> JSON:
    spec = {"hosts": [host], "gateways": [*gateways], "http": [*http]}
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": name}, "spec": spec}


def built(*virtual_services: JSON) -> World:
    """A service and a workload `a`, a Gateway for any host, and these."""
    labels = {"app": "a"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    objects: list[JSON] = [
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "Gateway",
            "metadata": {"name": "gw"},
            "spec": {"servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "a"},
            "spec": {"selector": labels, "ports": [{"port": 80}]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "a"},
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        },
        *virtual_services,
    ]
    return world(("all.yaml", "\n---\n".join(json.dumps(obj) for obj in objects)))


def reached(*virtual_services: JSON) -> tuple[Reach, dict[str, VirtualService]]:
    found = built(*virtual_services)
    return reach(found.mesh, found.proxies), {vs.metadata.name: vs for vs in found.mesh.virtual_services}


def test_what_follows_a_rule_that_takes_everything_is_never_met() -> None:
    found, owners = reached(virtual_service("x", path("/a"), {**ALL, "name": "rest"}, path("/b")))

    assert found.met == {("default", "x", 0, 0), ("default", "x", 1, 0)}
    assert [found.why_not(owners["x"], index, 0) for index in range(3)] == ["", "", "rest takes every request before"]


def test_a_match_after_one_that_takes_everything_is_never_met() -> None:
    found, owners = reached(virtual_service("x", {**ALL, "match": [{"uri": {"prefix": "/"}}, {"port": 80}]}))

    assert found.why_not(owners["x"], 0, 1) == "http[0] takes every request before"


def test_routes_of_several_virtual_services_at_a_gateway_are_tried_in_order_with_catch_alls_last() -> None:
    found, owners = reached(virtual_service("x", path("/x"), ALL), virtual_service("y", path("/y"), ALL))

    (merged,) = found.merged
    assert merged.host == "a.test:80"
    assert [key[1:3] for key in merged.order] == [("x", 0), ("y", 0), ("x", 1)]
    assert found.why_not(owners["y"], 1, 0) == "nobody calls in that way, or what comes before takes every request"


def test_on_the_mesh_only_the_first_of_two_virtual_services_is_met() -> None:
    found, owners = reached(
        virtual_service("x", ALL, host="a", gateways=("mesh",)), virtual_service("y", ALL, host="a", gateways=("mesh",))
    )

    assert found.merged == ()
    assert found.why_not(owners["x"], 0, 0) == ""
    assert "another VirtualService speaks for them" in found.why_not(owners["y"], 0, 0)


def test_a_gateway_that_is_not_there_leads_nobody_anywhere() -> None:
    found, owners = reached(virtual_service("x", ALL, gateways=("none",)))

    assert found.why_not(owners["x"], 0, 0).startswith("no Gateway serves its hosts")


def test_a_port_or_a_caller_that_does_not_exist_is_never_met() -> None:
    nobody = {**ALL, "match": [{"sourceLabels": {"app": "nobody"}}, {"port": 81}, {"sourceLabels": {"app": "a"}}]}
    found, owners = reached(virtual_service("x", nobody, host="a", gateways=("mesh",)))

    assert found.met == {("default", "x", 0, 2)}
    assert found.why_not(owners["x"], 0, 1).startswith("nobody calls in that way")


def test_a_delegate_is_met_where_somebody_delegates_to_it() -> None:
    delegate = virtual_service("d", path("/a/b"), ALL)
    del delegate["spec"]["hosts"], delegate["spec"]["gateways"]
    lost = virtual_service("lost", ALL)
    del lost["spec"]["hosts"], lost["spec"]["gateways"]
    root = virtual_service("x", {"match": [{"uri": {"prefix": "/a"}}], "delegate": {"name": "d"}}, ALL)
    found, owners = reached(root, delegate, lost)

    assert found.met == {("default", name, index, 0) for name in ("x", "d") for index in range(2)}
    assert found.why_not(owners["lost"], 0, 0) == "no VirtualService that is in force delegates to it"


def test_rules_of_a_delegate_keep_their_place_beside_other_virtual_services() -> None:
    delegate = virtual_service("d", ALL)
    del delegate["spec"]["hosts"], delegate["spec"]["gateways"]
    root = virtual_service("x", {"match": [{"uri": {"prefix": "/x"}}], "delegate": {"name": "d"}})
    found, _ = reached(root, delegate, virtual_service("y", path("/y")))

    (merged,) = found.merged
    assert [key[1] for key in merged.order] == ["x", "y"]
