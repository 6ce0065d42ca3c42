"""Gateways for the same pods that get into each other's way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from turnout.analysis.destinations import where
from turnout.analysis.inventory import Inventory
from turnout.analysis.istio_codes import istio_problem
from turnout.mesh.gateway_hosts import reference
from turnout.problem import Problem
from turnout.resources.gateway import Gateway, Server, ServerTLSSettings

Seat = tuple[int, str, str]
"""Port, address, host: where only one Gateway of the same pods can sit."""


def gateway_conflicts(inventory: Inventory) -> Iterator[Problem]:
    """IST0145: two Gateways serve one host on one port, bound to one address, by the same pods."""
    seated: dict[Seat, list[Gateway]] = {}
    for gateway in inventory.gateways:
        for server in gateway.spec.servers:
            for seat in _seats(server):
                seated.setdefault(seat, []).append(gateway)
    for gateway in inventory.gateways:
        for index, server in enumerate(gateway.spec.servers):
            rivals = (other for seat in _seats(server) for other in seated[seat] if other is not gateway)
            names = sorted({reference(other) for other in rivals if _share_pods(inventory, gateway, other)})
            if names:
                listed, hosts = ", ".join(names), ", ".join(server.hosts)
                message = f"{listed} serves {hosts} on port {_number(server)}, too, by the same pods"
                hint = "let one Gateway serve a host on a port"
                yield istio_problem("IST0145", where(gateway, f"spec.servers[{index}].hosts"), message, hint)


def _seats(server: Server) -> list[Seat]:
    return [(_number(server), server.bind, host) for host in server.hosts]


def _number(server: Server) -> int:
    return server.port.number if server.port else 0


def _share_pods(inventory: Inventory, a: Gateway, b: Gateway) -> bool:
    """Of the same selector, or of one that says more, if there are pods that both select."""
    one, other = a.spec.selector, b.spec.selector
    if one == other:
        return True
    if not _nested(one, other):
        return False
    both = {**one, **other}
    return any(both.items() <= pod.labels.items() for pod in inventory.pods)


def _nested(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return one.items() <= other.items() or other.items() <= one.items()


def shared_certificates(inventory: Inventory) -> Iterator[Problem]:
    """IST0138: clients reuse a connection for all hosts of its certificate, and then get 404."""
    holders = [(gateway, index, tls) for gateway in inventory.gateways for index, tls in _certificates(gateway)]
    by_key: dict[tuple[str, ...], list[tuple[Gateway, int]]] = {}
    for gateway, index, tls in holders:
        by_key.setdefault(_key(tls), []).append((gateway, index))
    for gateway, index, tls in holders:
        for other, _ in by_key[_key(tls)]:
            if other is not gateway and gateway.spec.selector.items() <= other.spec.selector.items():
                message = f"{reference(other)} uses the same certificate: clients that reuse connections may get 404"
                hint = "put the servers into one Gateway, or use one certificate for each"
                yield istio_problem("IST0138", where(gateway, f"spec.servers[{index}].tls"), message, hint)


def _certificates(gateway: Gateway) -> Iterator[tuple[int, ServerTLSSettings]]:
    for index, server in enumerate(gateway.spec.servers):
        if server.tls and all(_key(server.tls)):
            yield index, server.tls


def _key(tls: ServerTLSSettings) -> tuple[str, ...]:
    return (tls.credential_name,) if tls.credential_name else (tls.server_certificate, tls.private_key)
