"""Whose side of a call is being configured: a gateway's port, or one workload's way out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

GATEWAY_WORKLOAD = "istio-ingressgateway"
GATEWAY_NAMESPACE = "istio-system"
"""Where Istio installs its gateway: what is exported to other namespaces only does not reach it."""

_HTTPS = 443


@dataclass(frozen=True, slots=True)
class Ingress:
    """All Gateway servers on one port. `listen_port` is where it really listens (80 → 8080).

    `server`: of a port of HTTPS, the one server that is meant (`BoundServer.key`), as each has routes of its own.
    `https_port`: where redirects to HTTPS lead to; 0 for its own port, 443.
    """

    port: int
    listen_port: int
    server: str = ""
    https_port: int = 0

    @property
    def name(self) -> str:
        return f"{self.listener}|{self.server}" if self.server else self.listener

    @property
    def listener(self) -> str:
        """The name of the listener, which all servers of a port share."""
        return f"gateway|{self.port}"

    @property
    def namespace(self) -> str:
        return GATEWAY_NAMESPACE

    @property
    def labels(self) -> Mapping[str, str]:
        """It has none that a rule could ask for."""
        return {}


@dataclass(frozen=True, slots=True)
class Outlet:
    """Where one workload finds a service's TCP port, if it knows no proxy. `host`: the service's full name."""

    host: str
    port: int
    listen_port: int


def https_port(listen: Mapping[int, int]) -> int:
    """Where clients find what a Gateway has on port 443; 0 if it is there. `listen`: Gateway port → where it is."""
    real = listen.get(_HTTPS, _HTTPS)
    return 0 if real == _HTTPS else real


@dataclass(frozen=True, slots=True)
class Egress:
    """One workload's forward proxy: through it the caller is known. So it is through its `outlets`."""

    namespace: str
    workload: str
    listen_port: int
    labels: Mapping[str, str] = field(default_factory=dict)
    outlets: tuple[Outlet, ...] = ()

    @property
    def name(self) -> str:
        return f"egress|{self.namespace}|{self.workload}"

    @property
    def listener(self) -> str:
        """The name of its listener."""
        return self.name


Proxy = Ingress | Egress
