"""The route table: which virtual host, and which rule of it, answers a request at one proxy.

The table is what is compiled to Envoy, and what a pretend request is asked of; so both agree by construction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from turnout.memo import Memo
from turnout.mesh import gateway_servers
from turnout.mesh.binding import gateways_of
from turnout.mesh.egress_hosts import differ_by_labels, egress_hosts
from turnout.mesh.gateway_hosts import gateway_hosts, is_http
from turnout.mesh.gateway_servers import Serving
from turnout.mesh.mesh import Mesh
from turnout.mesh.proxy import Egress, Ingress, Proxy
from turnout.mesh.rule import Rule, Target
from turnout.mesh.server_tls import ServerTLS, server_tls
from turnout.mesh.virtual_host import VirtualHost, distinct

__all__ = ["RouteTable", "Rule", "Target", "VirtualHost", "entrances", "gateways_of", "is_http", "table", "table_names"]


@dataclass(frozen=True, slots=True)
class RouteTable:
    """All that one proxy knows of HTTP. What no host covers: `block_all` answers 502, else 404."""

    name: str
    by_name: Mapping[str, VirtualHost]
    block_all: bool

    @property
    def hosts(self) -> Iterable[VirtualHost]:
        """In order of their names."""
        return self.by_name.values()


def table(mesh: Mesh, proxy: Proxy, name: str, memo: Memo | None = None) -> RouteTable:
    """The proxy's route table, with every domain unique (lower-cased; the first keeps it).

    `memo`: that of the last tables. It saves time, and changes nothing else.
    """
    memo = Memo() if memo is None else memo
    if isinstance(proxy, Ingress):
        return RouteTable(name, distinct(name, gateway_hosts(mesh, proxy, name, memo), memo), block_all=False)
    return RouteTable(name, distinct(name, egress_hosts(mesh, proxy, name, memo), memo), block_all=True)


def entrances(mesh: Mesh, proxy: Proxy) -> tuple[Proxy, ...]:
    """What has a table of its own behind one listener: a gateway's servers of HTTP together, and each that ends TLS.

    A server without a certificate that it could show is none.
    """
    if not isinstance(proxy, Ingress):
        return (proxy,)
    bound = gateway_servers.servers(mesh, proxy.port)
    secure = [b for b in bound if b.serving is Serving.HTTPS and isinstance(server_tls(mesh, b), ServerTLS)]
    plain = (proxy,) if any(b.serving is Serving.HTTP for b in bound) else ()
    return (*plain, *(replace(proxy, server=each.key) for each in secure))


def table_names(mesh: Mesh, proxies: Iterable[Proxy], memo: Memo | None = None) -> list[str]:
    """The table of each of these `entrances`.

    One name is one table: workloads of a namespace share it unless a match looks at labels.
    """
    memo = Memo() if memo is None else memo
    own: dict[str, bool] = {}
    names = []
    for proxy in proxies:
        if isinstance(proxy, Egress) and proxy.namespace not in own:
            own[proxy.namespace] = differ_by_labels(mesh, proxy.namespace, memo)
        alike = mesh.sight(proxy.namespace, proxy.labels) == proxy.namespace
        shared = isinstance(proxy, Egress) and alike and not own[proxy.namespace]
        names.append(f"egress|{proxy.namespace}" if shared else proxy.name)
    return names
