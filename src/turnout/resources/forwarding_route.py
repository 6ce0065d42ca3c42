"""Gateway API's routes that do not look into what they carry: TCPRoute and TLSRoute."""

from __future__ import annotations

from dataclasses import dataclass, field

from turnout.resources.gateway_api import ParentReference
from turnout.resources.meta import Metadata


@dataclass(frozen=True, slots=True)
class BackendRef:
    name: str
    group: str = ""
    kind: str = "Service"
    namespace: str = ""
    port: int | None = None
    weight: int = 1


@dataclass(frozen=True, slots=True)
class ForwardingRule:
    """Of a TCPRoute or a TLSRoute."""

    name: str = ""
    backend_refs: tuple[BackendRef, ...] = ()


@dataclass(frozen=True, slots=True)
class TCPRouteSpec:
    parent_refs: tuple[ParentReference, ...] = ()
    rules: tuple[ForwardingRule, ...] = ()


@dataclass(frozen=True, slots=True)
class TLSRouteSpec:
    """`hostnames`: the names that a client may ask for in its TLS handshake (SNI)."""

    parent_refs: tuple[ParentReference, ...] = ()
    hostnames: tuple[str, ...] = ()
    rules: tuple[ForwardingRule, ...] = ()


@dataclass(frozen=True, slots=True)
class TCPRoute:
    metadata: Metadata
    spec: TCPRouteSpec = field(default_factory=TCPRouteSpec)


@dataclass(frozen=True, slots=True)
class TLSRoute:
    metadata: Metadata
    spec: TLSRouteSpec = field(default_factory=TLSRouteSpec)
