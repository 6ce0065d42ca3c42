"""Connections that are passed on unread: what `tcp` and `tls` entries of VirtualServices say of them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from turnout.mesh import names
from turnout.mesh.mesh import Mesh
from turnout.mesh.rule import Caller, Rule, Target
from turnout.resources.virtual_service import (
    L4MatchAttributes,
    RouteDestination,
    TCPRoute,
    TLSMatchAttributes,
    TLSRoute,
    VirtualService,
)

Match = L4MatchAttributes | TLSMatchAttributes


@dataclass(frozen=True, slots=True)
class TcpRule:
    """Where connections go. Without a VirtualService everything goes to `default`.

    `index` leads back to the field: `spec.tcp[index]`, or `spec.tls[index]`.
    """

    listener_port: int
    caller_sight: str
    default: Target | None = None
    route: tuple[RouteDestination, ...] = ()
    virtual_service: VirtualService | None = None
    kind: Literal["tcp", "tls"] = "tcp"
    index: int = 0

    @property
    def name(self) -> str:
        """In metrics: where the rule stands."""
        if self.virtual_service is None:
            return "default"
        meta = self.virtual_service.metadata
        return f"{meta.namespace}/{meta.name}/{self.kind}[{self.index}]"

    def choices(self, mesh: Mesh) -> list[tuple[int, Target]]:
        """Weights and destinations. A single one takes all, whatever its weight; of several, zeros are dropped."""
        if self.default is not None:
            return [(1, self.default)]
        resolver = Rule(self.listener_port, self.caller_sight, virtual_service=self.virtual_service)
        given = [
            (choice.weight, resolver.target(mesh, choice.destination)) for choice in self.route if choice.destination
        ]
        return [(1, given[0][1])] if len(given) == 1 else [choice for choice in given if choice[0]]


def tcp_rule(virtual_service: VirtualService, caller: Caller, addresses: Sequence[str] = ()) -> TcpRule | None:
    """The first `tcp` entry that applies. `addresses`: those of the service that is called."""
    for index, entry in enumerate(virtual_service.spec.tcp):
        if not entry.match or any(_applies(match, virtual_service, caller, addresses) for match in entry.match):
            return _rule(virtual_service, caller, entry.route, "tcp", index)
    return None


def tls_rules(
    virtual_service: VirtualService, caller: Caller, addresses: Sequence[str] = ()
) -> Iterator[tuple[tuple[str, ...], TcpRule]]:
    """The `tls` entries that apply, each under the names (SNI) that it is for, in order."""
    for index, entry in enumerate(virtual_service.spec.tls):
        for match in entry.match:
            if _applies(match, virtual_service, caller, addresses):
                yield match.sni_hosts, _rule(virtual_service, caller, entry.route, "tls", index)


def rules_at_gateway(
    virtual_service: VirtualService, caller: Caller, kind: Literal["tcp", "tls"]
) -> Iterator[tuple[tuple[str, ...], TcpRule]]:
    """The entries of one kind that apply at a gateway, each with the names that it is for.

    Only the port and the gateway are looked at there.
    """
    entries: Sequence[TCPRoute | TLSRoute] = virtual_service.spec.tcp if kind == "tcp" else virtual_service.spec.tls
    for index, entry in enumerate(entries):
        matches: Sequence[Match] = entry.match or (L4MatchAttributes(),)
        for match in matches:
            if _is_for(match, virtual_service, caller):
                sni = match.sni_hosts if isinstance(match, TLSMatchAttributes) else ()
                yield sni, _rule(virtual_service, caller, entry.route, kind, index)


def _rule(
    owner: VirtualService,
    caller: Caller,
    route: tuple[RouteDestination, ...],
    kind: Literal["tcp", "tls"],
    index: int,
) -> TcpRule:
    return TcpRule(caller.port, caller.sight, None, route, owner, kind, index)


def _applies(match: Match, owner: VirtualService, caller: Caller, addresses: Sequence[str]) -> bool:
    """Everything counts, unlike for HTTP: labels and namespace also where `gateways` is set."""
    if not _is_for(match, owner, caller):
        return False
    if match.source_labels.items() - caller.labels.items() or match.source_namespace not in ("", caller.namespace):
        return False
    return not match.destination_subnets or _within(addresses, match.destination_subnets)


def _is_for(match: Match, owner: VirtualService, caller: Caller) -> bool:
    """The port and the gateway."""
    if match.port and match.port != caller.port:
        return False
    own = owner.metadata.namespace
    return not match.gateways or any(names.gateway_reference(g, own) == caller.gateway for g in match.gateways)


def _within(addresses: Iterable[str], subnets: Iterable[str]) -> bool:
    """Whether one of the addresses (or blocks of them) lies in one of the subnets. Both have been checked."""
    blocks = [ipaddress.ip_network(subnet, strict=False) for subnet in subnets]
    called = [ipaddress.ip_network(address, strict=False) for address in addresses]
    return any(one.version == block.version and one.overlaps(block) for one in called for block in blocks)


def depends_on_labels(virtual_service: VirtualService) -> bool:
    """Whether workloads of one namespace may find different rules for their connections."""
    spec = virtual_service.spec
    matches: list[Match] = [match for tcp in spec.tcp for match in tcp.match]
    matches += [match for tls in spec.tls for match in tls.match]
    return any(match.source_labels for match in matches)
