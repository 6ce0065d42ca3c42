"""Where programs that know no proxy find TCP services."""

from __future__ import annotations

from dataclasses import replace

from turnout.mesh.proxy import Outlet
from turnout.mesh.service import ServiceHost, by_host
from turnout.resources.core import ServicePort, ServiceSpec
from turnout.workloads.environment import variables
from turnout.workloads.service_variables import MOST, offered, service_variables
from turnout.workloads.workload import Workload

HOST = "my-cache.default.svc.cluster.local"
CACHE = ServiceSpec(
    (ServicePort(6379, "redis"), ServicePort(80, "http"), ServicePort(9, "tcp-admin")), {"app": "cache"}
)


def services(**specs: ServiceSpec) -> dict[str, ServiceHost]:
    return by_host(ServiceHost("default", name.replace("_", "-"), spec) for name, spec in specs.items())


def test_a_service_is_found_as_on_kubernetes_by_its_first_port_and_by_name() -> None:
    outlets = (Outlet(HOST, 6379, 20001), Outlet(HOST, 9, 20002))
    assert dict(service_variables(services(my_cache=CACHE), outlets)) == {
        "MY_CACHE_SERVICE_HOST": "127.0.0.1",
        "MY_CACHE_SERVICE_PORT": "20001",
        "MY_CACHE_SERVICE_PORT_REDIS": "20001",
        "MY_CACHE_SERVICE_PORT_TCP_ADMIN": "20002",
    }


def test_only_tcp_ports_of_the_own_namespace_are_offered() -> None:
    known = services(my_cache=CACHE).values()
    assert offered(known, "default") == [(HOST, 6379), (HOST, 9)]
    assert offered(known, "other") == []


def test_what_is_offered_is_bounded() -> None:
    many = services(**{f"cache{number}": CACHE for number in range(MOST)}).values()
    assert len(offered(many, "default")) == MOST


def test_a_service_that_comes_or_goes_replaces_no_pod() -> None:
    workload = Workload("default", "front")
    assert replace(workload, services=(("CACHE_SERVICE_PORT", "1"),)).template_hash == workload.template_hash


def test_the_manifests_own_variables_may_refer_to_a_service() -> None:
    workload = Workload(
        "default",
        "front",
        services=(("CACHE_SERVICE_PORT", "20001"),),
        env=(("URL", "redis://x:$(CACHE_SERVICE_PORT)"),),
    )
    assert variables(workload, "front-1", {})["URL"] == "redis://x:20001"
