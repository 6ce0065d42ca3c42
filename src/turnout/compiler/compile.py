"""The translation as a whole: `compile(mesh, proxies) -> Config`."""

from __future__ import annotations

from collections.abc import Sequence

from turnout.compiler import access_log, cluster, endpoint, mirror
from turnout.compiler.config import Config
from turnout.compiler.listener import listener
from turnout.compiler.route import Scope, mirrored, route_configuration
from turnout.mesh import routing
from turnout.mesh.mesh import Mesh
from turnout.mesh.proxy import Proxy
from turnout.mesh.routing import Target
from turnout.mesh.service import Protocol, port_protocol


def compile(mesh: Mesh, proxies: Sequence[Proxy]) -> Config:  # noqa: A001 # the word of the field
    """One Envoy that plays every proxy of this machine: the gateway's ports and each workload's way out."""
    outbound = list(cluster.clusters(mesh))
    scope = Scope(mesh, frozenset(built.name for built in outbound))
    tables = [routing.table(mesh, proxy) for proxy in proxies]
    copied = list(mirrored(tables, scope))
    copies = [built for target in copied for built in mirror.clusters(target, http2=_speaks_http2(mesh, target))]
    return Config.of(
        clusters=[*outbound, *copies],
        endpoints=endpoint.assignments(mesh),
        listeners=[
            *(listener(proxy) for proxy in proxies),
            *(mirror.listener(target, access_log.copies()) for target in copied),
        ],
        routes=[route_configuration(table, scope) for table in tables],
    )


def _speaks_http2(mesh: Mesh, target: Target) -> bool:
    port = mesh.services[target.host].port(target.port)
    return port is not None and port_protocol(port) is Protocol.HTTP2
