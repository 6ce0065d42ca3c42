"""Whatever valid objects say, Envoy accepts what is made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.compiler.test_properties import JSON, OBJECTS, service, valid
from tests.compiler.world import instances, proxies
from tests.ports import free_port

from turnout.compiler.compile import compile
from turnout.mesh import mesh
from turnout.resources.core import Deployment

if TYPE_CHECKING:
    from tests.xds.conftest import World

pytestmark = pytest.mark.e2e


WAYS = st.fixed_dictionaries(
    {"destination": st.builds(lambda host: {"host": host}, st.sampled_from(["a", "b", "a.test", "gone"]))},
    optional={"weight": st.sampled_from([0, 1, 99, 2**31 - 1])},
)
LAYER_4 = {
    "port": st.just(9090),
    "sourceLabels": st.just({"app": "a"}),
    "gateways": st.sampled_from([["mesh"], ["gw"]]),
    "destinationSubnets": st.sampled_from([["10.0.0.0/8"], ["::1"]]),
}
MATCHES = st.fixed_dictionaries({}, optional=LAYER_4)
NAMED = st.fixed_dictionaries({"sniHosts": st.sampled_from([["a.test"], ["A.test", "*.test"]])}, optional=LAYER_4)
TO = st.lists(WAYS, min_size=1, max_size=3)
TCP = st.fixed_dictionaries({"route": TO}, optional={"match": st.lists(MATCHES, min_size=1, max_size=2)})
TLS = st.fixed_dictionaries({"match": st.lists(NAMED, min_size=1, max_size=2), "route": TO})


def istio(kind: str, name: str, spec: JSON) -> JSON:
    meta = {"name": name, "namespace": "default"}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": meta, "spec": spec}


def routed(name: str, hosts: list[str], tcp: list[JSON], tls: list[JSON]) -> JSON:
    return istio("VirtualService", name, {"hosts": hosts, "gateways": ["gw", "mesh"], "tcp": tcp, "tls": tls})


def entered(port: int, mode: str) -> JSON:
    server = {"port": {"number": port, "name": f"l4-{port}", "protocol": "TLS" if mode else "TCP"}, "hosts": ["*"]}
    return server | ({"tls": {"mode": mode}} if mode else {})


def outside(hosts: list[str], port: int, protocol: str, resolution: str, address: str) -> JSON:
    endpoints = [{"address": address, "weight": 5}] if address else []
    ports = [{"number": port, "name": "main", "protocol": protocol}]
    spec = {"hosts": hosts, "ports": ports, "resolution": resolution, "endpoints": endpoints, "addresses": ["10.0.0.1"]}
    return istio("ServiceEntry", "outside", spec)


PORTS = st.sampled_from([8443, 9090])
HOSTS = st.sampled_from([["*.test"], ["a.test", "*.test"], ["a.test"]])
UNREAD = st.tuples(
    st.builds(routed, st.just("l4"), HOSTS, st.lists(TCP, max_size=2), st.lists(TLS, max_size=2)),
    st.builds(routed, st.just("own"), st.just(["a"]), st.lists(TCP, min_size=1, max_size=2), st.just([])),
    st.builds(
        lambda servers: istio("Gateway", "gw", {"servers": servers}),
        st.lists(st.builds(entered, PORTS, st.sampled_from(["", "PASSTHROUGH"])), min_size=1, max_size=2),
    ),
    st.builds(
        outside,
        st.sampled_from([["a.test"], ["*.test"]]),
        PORTS,
        st.sampled_from(["HTTP", "GRPC", "TCP", "TLS"]),
        st.sampled_from(["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"]),
        st.sampled_from(["", "127.0.0.1", "localhost", "unix:///tmp/x"]),
    ),
    st.builds(
        service, st.sampled_from(["a", "b"]), st.just("default"), st.just([9090]), st.sampled_from(["", "10.0.0.2"])
    ),
)


def unread(name: str) -> JSON:
    found = service(name, "default", [9090], "")
    found["spec"]["ports"][0]["name"] = "tcp"
    return found


MESHES = st.builds(lambda objects, more: [*objects, *more, unread("a")], OBJECTS, UNREAD)


def generated(count: int) -> list[list[Any]]:
    """So many lists of objects, each other ones."""
    found: list[list[Any]] = []

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(MESHES)
    def collect(objects: list[Any]) -> None:
        found.append(objects)

    collect()
    return found


async def accepted(world: World, count: int) -> None:
    ports: dict[str, int] = {}
    for objects in generated(count):
        resources = valid(objects)
        deployments = tuple(r for r in resources if isinstance(r, Deployment))
        built = mesh.build(resources, instances(deployments))
        # A listener keeps its port, as everywhere: Envoy takes no second one for a port that is still drained.
        own = [
            replace(proxy, listen_port=ports.setdefault(proxy.listener, free_port()))
            for proxy in proxies(built, deployments)
        ]
        rejections = await world.publish(compile(built, own))
        assert rejections == [], (objects, rejections)


async def test_generated_meshes_are_accepted(world: World) -> None:
    await accepted(world, 25)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_many_generated_meshes_are_accepted(world: World) -> None:
    await accepted(world, 1000)
