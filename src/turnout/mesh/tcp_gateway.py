"""What a gateway's port passes on unread: plain TCP, TLS as it is (told apart by SNI), and what is inside of TLS.

Source: Istio's buildGatewayNetworkFiltersFromTCPRoutes and …FromTLSRoutes: of TCP the first entry that fits, of the
first VirtualService that has one; of TLS all of them, each under its names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from operator import attrgetter

from turnout.mesh import gateway_servers
from turnout.mesh.gateway_api import Attached
from turnout.mesh.gateway_hosts import common_hosts, reference
from turnout.mesh.gateway_servers import ANY, BoundServer, Serving
from turnout.mesh.mesh import Mesh
from turnout.mesh.proxy import GATEWAY_NAMESPACE
from turnout.mesh.rule import Caller, Target
from turnout.mesh.server_tls import ServerTLS, server_tls
from turnout.mesh.tcp import TcpRule, rules_at_gateway
from turnout.resources.virtual_service import VirtualService


@dataclass(frozen=True, slots=True)
class Forward:
    """Connections that go one way: `choices` has weights and destinations. `name`: where the rule stands.

    `inspected`: their first message is read, for it is TLS; `sni`: the names that they may be for, empty for any;
    `tls`: what ends it here. `idle_timeout`: None is Envoy's own.
    """

    name: str
    choices: tuple[tuple[int, Target], ...]
    sni: tuple[str, ...] = ()
    tls: ServerTLS | None = None
    inspected: bool = False
    idle_timeout: timedelta | None = None


def forwards(mesh: Mesh, port: int) -> list[Forward]:
    """Of all servers of a port, and each name once: the first keeps it."""
    seen: set[str] = set()
    found = []
    for bound in gateway_servers.servers(mesh, port):
        if bound.serving is Serving.HTTPS:
            seen.update(bound.sni or (ANY,))
        for each in _forwards(mesh, bound):
            sni = tuple(sorted({name.lower() for name in each.sni} - seen))
            if not each.choices or (each.sni and not sni) or (not each.sni and ANY in seen):
                continue
            seen.update(sni or (ANY,))
            found.append(replace(each, sni=sni))
    return found


def _forwards(mesh: Mesh, bound: BoundServer) -> Iterator[Forward]:
    if bound.serving is Serving.PASSTHROUGH:
        yield from _by_name(mesh, bound)
    elif bound.serving in (Serving.TCP, Serving.TLS):
        owners = (*_bound(mesh, bound), *(each.route for each in _attached(mesh, bound)))
        rule = next((rule for vs in owners for rule in rules_at_gateway(vs, _caller(bound), "tcp")), None)
        tls = server_tls(mesh, bound) if bound.serving is Serving.TLS else None
        if rule is not None and (tls is None or isinstance(tls, ServerTLS)):
            yield forward(mesh, rule[1], bound.sni if tls else (), tls, inspected=tls is not None)


def _by_name(mesh: Mesh, bound: BoundServer) -> Iterator[Forward]:
    if bound.server.tls is not None and bound.server.tls.mode == "AUTO_PASSTHROUGH":
        return
    for virtual_service in _bound(mesh, bound):
        for sni, rule in rules_at_gateway(virtual_service, _caller(bound), "tls"):
            yield forward(mesh, rule, () if ANY in sni else sni, None, inspected=True)
    for attached in _attached(mesh, bound):
        for _, rule in rules_at_gateway(attached.route, _caller(bound), "tls"):
            yield forward(mesh, rule, () if ANY in attached.hosts else attached.hosts, None, inspected=True)


def forward(
    mesh: Mesh, rule: TcpRule, sni: tuple[str, ...] = (), tls: ServerTLS | None = None, *, inspected: bool = False
) -> Forward:
    """What a rule says, with its destinations resolved."""
    choices = tuple(rule.choices(mesh))
    idle = _idle_timeout(mesh, choices[0][1]) if choices else None
    return Forward(rule.name, choices, sni, tls, inspected, idle)


def _idle_timeout(mesh: Mesh, target: Target) -> timedelta | None:
    """As the first destination's DestinationRule has it."""
    if target.host not in mesh.services:
        return None
    policy = mesh.policy(target.host, target.view)
    pool = policy.policy(target.port, policy.subset(target.subset)).connection_pool
    return pool.tcp.idle_timeout if pool and pool.tcp else None


def _bound(mesh: Mesh, bound: BoundServer) -> Iterator[VirtualService]:
    """The VirtualServices that speak for a host of the server, and that the gateway sees."""
    for speaker in mesh.bound.get(reference(bound.gateway), ()):
        if common_hosts(bound.gateway, bound.server, speaker.virtual_service):
            yield speaker.virtual_service


def _attached(mesh: Mesh, bound: BoundServer) -> tuple[Attached, ...]:
    """The routes of Gateway API, the oldest first."""
    return tuple(sorted(mesh.gateway_api.at_gateway.get(reference(bound.gateway), ()), key=attrgetter("age")))


def _caller(bound: BoundServer) -> Caller:
    return Caller(reference(bound.gateway), bound.port, GATEWAY_NAMESPACE, bound.gateway.spec.selector)
