"""Which servers of all Gateways a port serves, and how. Source: Istio's MergeGateways.

A port is of one kind, that of its first server: plain HTTP, TLS or plain TCP. HTTP servers share the port's routes; TLS
servers are told apart by SNI, so that a host may be there only once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from turnout.mesh.gateway_listener import place
from turnout.problem import ObjectPath, Problem
from turnout.resources import protocol
from turnout.resources.codes import problem
from turnout.resources.gateway import Gateway, Server

if TYPE_CHECKING:
    from turnout.mesh.mesh import Mesh

ANY = "*"


class Serving(StrEnum):
    """What a server does with a connection."""

    HTTP = "http"
    """Plain HTTP of any version."""
    HTTPS = "https"
    """Ends TLS, and serves HTTP inside."""
    TLS = "tls"
    """Ends TLS, and forwards the bytes inside."""
    PASSTHROUGH = "passthrough"
    """Forwards TLS as it is, by SNI."""
    TCP = "tcp"


def serving(server: Server) -> Serving:
    """By the port's protocol and the TLS mode, which is PASSTHROUGH unless set."""
    name = server.port.protocol if server.port else ""
    if protocol.is_http(name):
        return Serving.HTTP
    if not protocol.is_tls(name):
        return Serving.TCP
    if server.tls is None or server.tls.mode in ("PASSTHROUGH", "AUTO_PASSTHROUGH"):
        return Serving.PASSTHROUGH
    return Serving.HTTPS if name.lower() == "https" else Serving.TLS


@dataclass(frozen=True, slots=True)
class BoundServer:
    """One server of a Gateway on its port."""

    gateway: Gateway
    index: int

    @property
    def server(self) -> Server:
        return self.gateway.spec.servers[self.index]

    @property
    def serving(self) -> Serving:
        return serving(self.server)

    @property
    def port(self) -> int:
        return self.server.port.number if self.server.port else 0

    @property
    def key(self) -> str:
        """`namespace/gateway/port name`: the last is unique within a Gateway."""
        meta = self.gateway.metadata
        return f"{meta.namespace}/{meta.name}/{self.server.port.name if self.server.port else ''}"

    @property
    def hosts(self) -> tuple[str, ...]:
        """Without the namespaces that may be in front, lower-cased, each once."""
        return tuple(dict.fromkeys(host.rpartition("/")[2].lower() for host in self.server.hosts))

    @property
    def sni(self) -> tuple[str, ...]:
        """The names that a client may ask for in its TLS handshake; empty: any, or none."""
        return () if ANY in self.hosts else self.hosts

    def where(self, path: str = "") -> ObjectPath:
        """The server, or a place in it."""
        return place(self.gateway, self.index, path)


def ports(mesh: Mesh) -> dict[int, BoundServer]:
    """Every port that is to listen, with the first server that says so."""
    return {port: next(iter(found.values())) for port, found in mesh.servers.items()}


def servers(mesh: Mesh, port: int) -> tuple[BoundServer, ...]:
    """Those that are in force on a port, the older Gateway's first."""
    return tuple(mesh.servers.get(port, {}).values())


def in_force(gateways: Iterable[Gateway]) -> dict[int, dict[str, BoundServer]]:
    """By port and key. `gateways`: oldest first."""
    return {
        port: {bound.key: bound for bound, fault in _judged(found) if not fault}
        for port, found in _by_port(gateways).items()
    }


def conflicts(mesh: Mesh) -> Iterator[Problem]:
    """A warning for every server that is left out, as its port is taken by another one."""
    for found in _by_port(mesh.gateways).values():
        for bound, fault in _judged(found):
            if fault:
                yield problem("TNO320", bound.where(), f"the server is not served: {fault}")


def _by_port(gateways: Iterable[Gateway]) -> dict[int, list[BoundServer]]:
    found: dict[int, list[BoundServer]] = {}
    for gateway in gateways:
        for index, server in enumerate(gateway.spec.servers):
            if server.port and server.port.number:
                found.setdefault(server.port.number, []).append(BoundServer(gateway, index))
    return found


def _judged(on_port: Iterable[BoundServer]) -> Iterator[tuple[BoundServer, str]]:
    """With why it is left out, if it is."""
    first: BoundServer | None = None
    known: dict[str, BoundServer] = {}
    for bound in on_port:
        fault = _conflict(first, bound) or _duplicate(known, bound)
        if not fault:
            first = first or bound
            if _is_tls(bound):
                known |= dict.fromkeys(bound.hosts, bound)
        yield bound, fault


def _conflict(first: BoundServer | None, bound: BoundServer) -> str:
    if first is None or (first.serving is bound.serving is Serving.HTTP) or (_is_tls(first) and _is_tls(bound)):
        return ""
    kind = "TLS" if _is_tls(first) else first.serving.upper()
    return f"{first.key} has made port {bound.port} one of {kind}"


def _duplicate(known: dict[str, BoundServer], bound: BoundServer) -> str:
    twice = [host for host in bound.hosts if host in known] if _is_tls(bound) else []
    return f"{known[twice[0]].key} has {twice[0]} on port {bound.port}" if twice else ""


def _is_tls(bound: BoundServer) -> bool:
    return bound.serving in (Serving.HTTPS, Serving.TLS, Serving.PASSTHROUGH)
