"""The translation as a whole: `compile(mesh, proxies) -> Config`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, groupby

from envoy.config.route.v3.route_components_pb2 import VirtualHost

from turnout.compiler import (
    access_log,
    cluster,
    endpoint,
    gateway_port,
    mirror,
    request_log,
    tcp,
    tls,
    tracing,
    tunnel,
    upstream_tls,
)
from turnout.compiler.config import Config, Versioned
from turnout.compiler.gateway_port import Entrance
from turnout.compiler.listener import filter_chain, listener
from turnout.compiler.resolution import STATIC
from turnout.compiler.route import Scope, route_configuration, virtual_host
from turnout.compiler.upstream_tls import Secured
from turnout.memo import Memo
from turnout.mesh import routing
from turnout.mesh.client_tls import ClientTLS
from turnout.mesh.credential import Authority, KeyPair
from turnout.mesh.mesh import Mesh
from turnout.mesh.proxy import Egress, Ingress, Outlet, Proxy
from turnout.mesh.routing import RouteTable, Target
from turnout.mesh.tcp_gateway import Forward, forward, forwards


def compile(  # noqa: A001 # the field's word
    mesh: Mesh,
    proxies: Sequence[Proxy],
    memo: Memo | None = None,
    sampling_percent: float = tracing.DEFAULT_SAMPLING_PERCENT,
) -> Config:
    """One Envoy that plays every proxy of this machine: the gateway's ports and each workload's way out.

    `memo`: that of the last compilation. It saves time, and changes nothing else.
    `sampling_percent`: how many of the requests are traced.
    """
    memo = Memo() if memo is None else memo
    targets = list(cluster.targets(mesh, (mesh.sight(proxy.namespace, proxy.labels) for proxy in proxies)))
    secured, targets = upstream_tls.secured(mesh, targets)
    scope = Scope(mesh, frozenset(target.cluster for target in targets))
    entered = gateway_port.entrances(mesh, proxies, memo)
    forwarded = {p.listener: tuple(forwards(mesh, p.port)) for p in proxies if isinstance(p, Ingress)}
    by_table = {entrance.table: entrance.proxy for entrance in entered}
    tables = [routing.table(mesh, proxy, name, memo) for name, proxy in by_table.items()]
    copied = _copied(tables, scope)
    copies = [
        built
        for t in copied
        for built in mirror.clusters(
            t, cluster.cluster(mesh, t), http2=cluster.speaks_http2(mesh, t), tls=secured.get(t)
        )
    ]
    config = Config.of(
        clusters=[*_clusters(mesh, targets, secured, memo), *copies, *_insides(proxies, memo)],
        endpoints=_endpoints(mesh, targets, memo),
        listeners=[
            *_listeners(proxies, entered, forwarded, memo, sampling_percent),
            *_outlets(mesh, entered, tables, memo),
            *(mirror.listener(target, access_log.copies()) for target in copied),
        ],
        routes=_routes(tables, scope, memo),
        secrets=_secrets([*entered, *chain.from_iterable(forwarded.values())], secured.values(), memo),
    )
    memo.forget_unasked()
    return config


def _copied(tables: Iterable[RouteTable], scope: Scope) -> list[Target]:
    """Everything that exists and that some rule sends copies to, once."""
    rules = (rule for table in tables for host in table.hosts for rule in host.rules)
    wanted = (copies.target for rule in rules for copies in mirror.copies(rule, scope.mesh))
    return sorted({t for t in wanted if t.cluster in scope.known}, key=lambda target: target.cluster)


def _clusters(mesh: Mesh, targets: Iterable[Target], secured: Secured, memo: Memo) -> Iterator[Versioned]:
    for key, group in _groups(targets):
        host, _, view = key
        service = mesh.services[host]
        members = None if service.resolution == STATIC else mesh.members[host]
        inputs = (service, mesh.policy(host, view), members, [secured.get(target) for target in group])
        yield from memo.of(("clusters", key), inputs, partial(_made_clusters, mesh, group, secured))


def _made_clusters(mesh: Mesh, targets: Iterable[Target], secured: Secured) -> list[Versioned]:
    return [Versioned.of(cluster.cluster(mesh, target, secured.get(target))) for target in targets]


def _insides(proxies: Iterable[Proxy], memo: Memo) -> Iterator[Versioned]:
    """Where tunnels lead to."""
    for proxy in proxies:
        if isinstance(proxy, Egress):
            yield memo.of(("inside", proxy.name), (), partial(_made_inside, proxy))


def _made_inside(proxy: Egress) -> Versioned:
    return Versioned.of(tunnel.cluster(proxy))


def _endpoints(mesh: Mesh, targets: Iterable[Target], memo: Memo) -> Iterator[Versioned]:
    for key, group in _groups(targets):
        host, _, view = key
        if mesh.services[host].resolution != STATIC:
            continue
        inputs = (mesh.services[host], mesh.policy(host, view), mesh.members[host])
        yield from memo.of(("endpoints", key), inputs, partial(_made_endpoints, mesh, group))


def _made_endpoints(mesh: Mesh, targets: Iterable[Target]) -> list[Versioned]:
    return [Versioned.of(assignment) for assignment in endpoint.assignments(mesh, targets)]


def _listeners(
    proxies: Iterable[Proxy],
    entered: Iterable[Entrance],
    forwarded: Mapping[str, tuple[Forward, ...]],
    memo: Memo,
    sampling_percent: float,
) -> Iterator[Versioned]:
    """A port that nobody can enter has none."""
    groups = {name: tuple(group) for name, group in groupby(entered, key=lambda e: e.proxy.listener)}
    for proxy in proxies:
        own, passed = groups.get(proxy.listener, ()), forwarded.get(proxy.listener, ())
        if own or passed:
            inputs = (proxy, own, sampling_percent, passed)
            yield from memo.of(("listener", proxy.listener), inputs, partial(_made_listeners, *inputs))


def _made_listeners(
    proxy: Proxy, entered: Sequence[Entrance], sampling_percent: float, passed: Sequence[Forward]
) -> list[Versioned]:
    """A way out has two: one inside, for tunnels."""
    made = [Versioned.of(listener(proxy, entered, sampling_percent, passed))]
    if isinstance(proxy, Egress):
        chains = [filter_chain(entrance, sampling_percent) for entrance in entered]
        made.append(Versioned.of(tunnel.listener(proxy, chains, request_log.requests(proxy))))
    return made


def _outlets(mesh: Mesh, entered: Iterable[Entrance], tables: Iterable[RouteTable], memo: Memo) -> Iterator[Versioned]:
    """For connections of workloads that know no proxy. A service that is gone has none."""
    by_name = {found.name: found for found in tables}
    for entrance in entered:
        proxy = entrance.proxy
        if isinstance(proxy, Egress) and proxy.outlets:
            rules = {host.name: host.tcp for host in by_name[entrance.table].hosts if host.tcp}
            for found in proxy.outlets:
                if rule := rules.get(f"{found.host}:{found.port}"):
                    inputs = (proxy, found, forward(mesh, rule))
                    yield memo.of(("outlet", proxy.name, found), inputs, partial(_made_outlet, *inputs))


def _made_outlet(proxy: Egress, found: Outlet, way: Forward) -> Versioned:
    return Versioned.of(tcp.outlet(proxy, found, way))


def _secrets(entered: Sequence[Entrance | Forward], secured: Iterable[ClientTLS], memo: Memo) -> list[Versioned]:
    """Of both ends."""
    inner = [entrance.tls for entrance in entered if entrance.tls]
    outer = list(secured)
    pairs = (*(pair for each in inner for pair in each.pairs), *(each.pair for each in outer if each.pair))
    authorities = (
        *(each.authority for each in inner if each.authority),
        *(each.authority for each in outer if each.authority),
    )
    return memo.of("secrets", (pairs, authorities), partial(_made_secrets, pairs, authorities))


def _made_secrets(pairs: Iterable[KeyPair], authorities: Iterable[Authority]) -> list[Versioned]:
    return [Versioned.of(secret) for secret in tls.secrets(pairs, authorities)]


def _routes(tables: Iterable[RouteTable], scope: Scope, memo: Memo) -> Iterator[Versioned]:
    """Besides its rules, a virtual host depends on what is known of destinations. That is compared once, for all."""
    known = (scope.mesh.services, scope.mesh.destination_rules, scope.known)
    destinations = memo.of("destinations", known, object)
    for table in tables:
        hosts = tuple(
            memo.of(
                ("host", table.name, host.name),
                (host, destinations),
                partial(virtual_host, host, scope, tunnelled=table.block_all),
            )
            for host in table.hosts
        )
        yield memo.of(("table", table.name), (hosts, table.block_all), partial(_made_table, table, hosts))


def _made_table(table: RouteTable, hosts: Sequence[VirtualHost]) -> Versioned:
    return Versioned.of(route_configuration(table.name, hosts, block_all=table.block_all))


def _groups(targets: Iterable[Target]) -> Iterator[tuple[tuple[str, int, str], list[Target]]]:
    """A service's port and its subsets, as callers of one view see them."""
    for key, group in groupby(targets, key=lambda target: (target.host, target.port, target.view)):
        yield key, list(group)
