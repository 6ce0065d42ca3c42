"""The translation as a whole: `compile(mesh, proxies) -> Config`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from turnout.compiler import access_log, cluster, endpoint, mirror
from turnout.compiler.config import Config
from turnout.compiler.listener import listener
from turnout.compiler.route import Scope, route_configuration
from turnout.mesh import routing
from turnout.mesh.mesh import Mesh
from turnout.mesh.proxy import Proxy
from turnout.mesh.routing import RouteTable, Target


def compile(mesh: Mesh, proxies: Sequence[Proxy]) -> Config:  # noqa: A001 # the word of the field
    """One Envoy that plays every proxy of this machine: the gateway's ports and each workload's way out."""
    targets = list(cluster.targets(mesh, (proxy.namespace for proxy in proxies)))
    scope = Scope(mesh, frozenset(target.cluster for target in targets))
    names = routing.table_names(mesh, proxies)
    tables = [routing.table(mesh, proxy, name) for name, proxy in dict(zip(names, proxies, strict=True)).items()]
    copied = _copied(tables, scope)
    copies = [built for t in copied for built in mirror.clusters(t, http2=cluster.speaks_http2(mesh, t))]
    return Config.of(
        clusters=[*(cluster.cluster(mesh, target) for target in targets), *copies],
        endpoints=endpoint.assignments(mesh, targets),
        listeners=[
            *(listener(proxy, name) for proxy, name in zip(proxies, names, strict=True)),
            *(mirror.listener(target, access_log.copies()) for target in copied),
        ],
        routes=[route_configuration(table, scope) for table in tables],
    )


def _copied(tables: Iterable[RouteTable], scope: Scope) -> list[Target]:
    """Everything that exists and that some rule sends copies to, once."""
    rules = (rule for table in tables for host in table.hosts for rule in host.rules)
    wanted = (copies.target for rule in rules for copies in mirror.copies(rule, scope.mesh))
    return sorted({t for t in wanted if t.cluster in scope.known}, key=lambda target: target.cluster)
