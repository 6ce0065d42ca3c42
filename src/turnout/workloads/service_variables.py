"""Kubernetes' variables of services: REDIS_SERVICE_HOST and REDIS_SERVICE_PORT, for programs that know no proxy.

Source: kubernetes.io/docs/concepts/services-networking/service, "Environment variables". As there, a pod has those of
the Services that its namespace had when it started. Only of TCP: HTTP goes through the proxy, which knows every name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from turnout.mesh.mesh import tcp_ports
from turnout.mesh.proxy import Outlet
from turnout.mesh.service import ServiceHost

MOST = 32
"""Ports of services for each workload: each is a listener."""


def offered(services: Iterable[ServiceHost], namespace: str) -> list[tuple[str, int]]:
    """The TCP ports that the workloads of a namespace find so: full host and number."""
    own = (s for s in services if s.namespace == namespace and s.entry is None and s.spec.selector and not s.headless)
    return list(islice(((service.host, port.port) for service in own for port in tcp_ports(service)), MOST))


def service_variables(services: Mapping[str, ServiceHost], outlets: Iterable[Outlet]) -> tuple[tuple[str, str], ...]:
    """By name and value. `outlets`: where the ports of services are for this workload."""
    return tuple(dict(each for outlet in outlets for each in _of(services[outlet.host], outlet)).items())


def _of(service: ServiceHost, outlet: Outlet) -> Iterator[tuple[str, str]]:
    prefix = f"{_variable(service.name)}_SERVICE"
    yield f"{prefix}_HOST", "127.0.0.1"
    port = service.port(outlet.port)
    if port is service.spec.ports[0]:
        yield f"{prefix}_PORT", str(outlet.listen_port)
    if port and port.name:
        yield f"{prefix}_PORT_{_variable(port.name)}", str(outlet.listen_port)


def _variable(name: str) -> str:
    return re.sub(r"\W", "_", name).upper()
