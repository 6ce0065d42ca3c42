"""The translation as a whole: `compile(mesh, proxies) -> Config`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain, groupby

from turnout.compiler import access_log, cluster, gateway_port, mirror, request_log, table, tcp, tls, tracing, tunnel
from turnout.compiler.config import CLUSTER, ENDPOINTS, LISTENER, ROUTES, SECRET, Config, Named, Versioned, named
from turnout.compiler.destinations import Destinations, clusters, destinations, endpoints
from turnout.compiler.gateway_port import Entrance
from turnout.compiler.listener import filter_chain, listener
from turnout.compiler.resolution import STATIC
from turnout.compiler.table import Made
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
    found = destinations(mesh, (mesh.sight(proxy.namespace, proxy.labels) for proxy in proxies), memo)
    entered = gateway_port.entrances(mesh, proxies, memo)
    forwarded = {p.listener: tuple(forwards(mesh, p.port)) for p in proxies if isinstance(p, Ingress)}
    by_table = {entrance.table: entrance.proxy for entrance in entered}
    tables = {name: routing.table(mesh, proxy, name, memo) for name, proxy in by_table.items()}
    made = {
        name: table.hosts(tables[name], mesh.sight(proxy.namespace, proxy.labels), found, memo)
        for name, proxy in by_table.items()
    }
    copied = _copied(made.values())
    listeners = (
        *_listeners(proxies, entered, forwarded, memo, sampling_percent),
        *_outlets(mesh, entered, tables, memo),
        *(_copies_listener(target, memo) for target in copied),
    )
    copies = tuple(chain.from_iterable(_copies_clusters(target, found, memo) for target in copied))
    config = Config(
        {
            CLUSTER: _with(clusters(found, memo), (*copies, *_insides(proxies, memo)), memo),
            ENDPOINTS: endpoints(found, memo),
            LISTENER: memo.of("listeners", listeners, lambda: named(listeners)),
            ROUTES: named(table.whole(tables[name], hosts, memo) for name, hosts in made.items()),
            SECRET: _secrets([*entered, *chain.from_iterable(forwarded.values())], found.secured, memo),
        }
    )
    memo.forget_unasked()
    return config


def _copied(made: Iterable[Mapping[str, Made]]) -> list[Target]:
    """Everything that exists and that some rule sends copies to, once."""
    wanted = {target for hosts in made for host in hosts.values() if host.copied for target in host.copied}
    return sorted(wanted, key=lambda target: target.cluster)


def _copies_clusters(target: Target, found: Destinations, memo: Memo) -> tuple[Versioned, ...]:
    mesh, tls = found.scope.mesh, found.tls(target)

    def made() -> tuple[Versioned, ...]:
        real = cluster.cluster(mesh, target, tls)
        both = mirror.clusters(target, real, http2=cluster.speaks_http2(mesh, target), tls=tls)
        return tuple(map(Versioned.of, both))

    service = mesh.services[target.host]
    members = None if service.resolution == STATIC else mesh.members[target.host]
    return memo.of(("copies", target), (service, mesh.policy(target.host, target.view), members, tls), made)


def _copies_listener(target: Target, memo: Memo) -> Versioned:
    return memo.of(("copies' listener", target), (), lambda: Versioned.of(mirror.listener(target, access_log.copies())))


def _with(known: Named, others: tuple[Versioned, ...], memo: Memo) -> Named:
    return memo.of("all clusters", (known, others), lambda: named(known.values(), others)) if others else known


def _insides(proxies: Iterable[Proxy], memo: Memo) -> Iterator[Versioned]:
    """Where tunnels lead to."""
    for proxy in proxies:
        if isinstance(proxy, Egress):
            yield memo.of(("inside", proxy.name), (), partial(_made_inside, proxy))


def _made_inside(proxy: Egress) -> Versioned:
    return Versioned.of(tunnel.cluster(proxy))


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


def _outlets(
    mesh: Mesh, entered: Iterable[Entrance], tables: Mapping[str, RouteTable], memo: Memo
) -> Iterator[Versioned]:
    """For connections of workloads that know no proxy. A service that is gone has none."""
    for entrance in entered:
        proxy = entrance.proxy
        if isinstance(proxy, Egress) and proxy.outlets:
            rules = {host.name: host.tcp for host in tables[entrance.table].hosts if host.tcp}
            for found in proxy.outlets:
                if rule := rules.get(f"{found.host}:{found.port}"):
                    inputs = (proxy, found, forward(mesh, rule))
                    yield memo.of(("outlet", proxy.name, found), inputs, partial(_made_outlet, *inputs))


def _made_outlet(proxy: Egress, found: Outlet, way: Forward) -> Versioned:
    return Versioned.of(tcp.outlet(proxy, found, way))


def _secrets(entered: Sequence[Entrance | Forward], secured: Iterable[ClientTLS], memo: Memo) -> Named:
    """Of both ends."""
    inner = [entrance.tls for entrance in entered if entrance.tls]
    outer = list(secured)
    pairs = (*(pair for each in inner for pair in each.pairs), *(each.pair for each in outer if each.pair))
    authorities = (
        *(each.authority for each in inner if each.authority),
        *(each.authority for each in outer if each.authority),
    )
    return memo.of("secrets", (pairs, authorities), partial(_made_secrets, pairs, authorities))


def _made_secrets(pairs: Iterable[KeyPair], authorities: Iterable[Authority]) -> Named:
    return named(Versioned.of(secret) for secret in tls.secrets(pairs, authorities))
