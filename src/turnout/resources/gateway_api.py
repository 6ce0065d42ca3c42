"""Kubernetes' Gateway API, v1 of gateway-api.sigs.k8s.io: Gateway, GatewayClass, HTTPRoute, GRPCRoute.

Every field of the standard channel, and of the experimental one what HTTPRoutes and GRPCRoutes have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from turnout.resources.label_selector import LabelSelector
from turnout.resources.meta import Metadata

MatchType = Literal["Exact", "RegularExpression"]


@dataclass(frozen=True, slots=True)
class ParentReference:
    """What a route is attached to: a Gateway, or a Service whose callers it rules."""

    name: str
    group: str = "gateway.networking.k8s.io"
    kind: str = "Gateway"
    namespace: str = ""
    section_name: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True)
class BackendObjectReference:
    name: str
    group: str = ""
    kind: str = "Service"
    namespace: str = ""
    port: int | None = None


@dataclass(frozen=True, slots=True)
class HTTPHeader:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class HTTPHeaderFilter:
    set: tuple[HTTPHeader, ...] = ()
    add: tuple[HTTPHeader, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fraction:
    numerator: int
    denominator: int = 100


@dataclass(frozen=True, slots=True)
class HTTPRequestMirrorFilter:
    """Neither `percent` nor `fraction`: all of them."""

    backend_ref: BackendObjectReference
    percent: int | None = None
    fraction: Fraction | None = None

    ONLY_ONE_OF: ClassVar = (("percent", "fraction"),)


@dataclass(frozen=True, slots=True)
class HTTPPathModifier:
    type: Literal["ReplaceFullPath", "ReplacePrefixMatch"]
    replace_full_path: str | None = None
    replace_prefix_match: str | None = None


@dataclass(frozen=True, slots=True)
class HTTPRequestRedirectFilter:
    scheme: Literal["http", "https"] | None = None
    hostname: str | None = None
    path: HTTPPathModifier | None = None
    port: int | None = None
    status_code: int = 302


@dataclass(frozen=True, slots=True)
class HTTPURLRewriteFilter:
    hostname: str | None = None
    path: HTTPPathModifier | None = None


@dataclass(frozen=True, slots=True)
class HTTPCORSFilter:
    """`max_age`: seconds."""

    allow_origins: tuple[str, ...] = ()
    allow_credentials: bool = False
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age: int = 5


@dataclass(frozen=True, slots=True)
class LocalObjectReference:
    group: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class HTTPRouteFilter:
    """`type` says which of the others is given."""

    type: Literal[
        "RequestHeaderModifier",
        "ResponseHeaderModifier",
        "RequestMirror",
        "RequestRedirect",
        "URLRewrite",
        "CORS",
        "ExtensionRef",
    ]
    request_header_modifier: HTTPHeaderFilter | None = None
    response_header_modifier: HTTPHeaderFilter | None = None
    request_mirror: HTTPRequestMirrorFilter | None = None
    request_redirect: HTTPRequestRedirectFilter | None = None
    url_rewrite: HTTPURLRewriteFilter | None = None
    cors: HTTPCORSFilter | None = None
    extension_ref: LocalObjectReference | None = None


@dataclass(frozen=True, slots=True)
class GRPCRouteFilter:
    """`type` says which of the others is given."""

    type: Literal["RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror", "ExtensionRef"]
    request_header_modifier: HTTPHeaderFilter | None = None
    response_header_modifier: HTTPHeaderFilter | None = None
    request_mirror: HTTPRequestMirrorFilter | None = None
    extension_ref: LocalObjectReference | None = None


@dataclass(frozen=True, slots=True)
class HTTPBackendRef:
    name: str
    group: str = ""
    kind: str = "Service"
    namespace: str = ""
    port: int | None = None
    weight: int = 1
    filters: tuple[HTTPRouteFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class GRPCBackendRef:
    name: str
    group: str = ""
    kind: str = "Service"
    namespace: str = ""
    port: int | None = None
    weight: int = 1
    filters: tuple[GRPCRouteFilter, ...] = ()


@dataclass(frozen=True, slots=True)
class HTTPPathMatch:
    type: Literal["Exact", "PathPrefix", "RegularExpression"] = "PathPrefix"
    value: str = "/"


@dataclass(frozen=True, slots=True)
class HTTPHeaderMatch:
    """Of a header or a query parameter."""

    name: str
    value: str
    type: MatchType = "Exact"


@dataclass(frozen=True, slots=True)
class HTTPRouteMatch:
    path: HTTPPathMatch = field(default_factory=HTTPPathMatch)
    headers: tuple[HTTPHeaderMatch, ...] = ()
    query_params: tuple[HTTPHeaderMatch, ...] = ()
    method: Literal["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"] | None = None


@dataclass(frozen=True, slots=True)
class GRPCMethodMatch:
    """Either may be left out, not both."""

    type: MatchType = "Exact"
    service: str | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True)
class GRPCRouteMatch:
    method: GRPCMethodMatch | None = None
    headers: tuple[HTTPHeaderMatch, ...] = ()


@dataclass(frozen=True, slots=True)
class HTTPRouteTimeouts:
    """As they are written: `500ms`, `1m30s`. `0s` is no limit."""

    request: str | None = None
    backend_request: str | None = None


@dataclass(frozen=True, slots=True)
class HTTPRouteRetry:
    codes: tuple[int, ...] = ()
    attempts: int | None = None
    backoff: str | None = None


@dataclass(frozen=True, slots=True)
class CookieConfig:
    lifetime_type: Literal["Permanent", "Session"] = "Session"


@dataclass(frozen=True, slots=True)
class SessionPersistence:
    session_name: str = ""
    absolute_timeout: str | None = None
    idle_timeout: str | None = None
    type: Literal["Cookie", "Header"] = "Cookie"
    cookie_config: CookieConfig | None = None


@dataclass(frozen=True, slots=True)
class HTTPRouteRule:
    name: str = ""
    matches: tuple[HTTPRouteMatch, ...] = ()
    filters: tuple[HTTPRouteFilter, ...] = ()
    backend_refs: tuple[HTTPBackendRef, ...] = ()
    timeouts: HTTPRouteTimeouts | None = None
    retry: HTTPRouteRetry | None = None
    session_persistence: SessionPersistence | None = None


@dataclass(frozen=True, slots=True)
class GRPCRouteRule:
    name: str = ""
    matches: tuple[GRPCRouteMatch, ...] = ()
    filters: tuple[GRPCRouteFilter, ...] = ()
    backend_refs: tuple[GRPCBackendRef, ...] = ()
    session_persistence: SessionPersistence | None = None


@dataclass(frozen=True, slots=True)
class HTTPRouteSpec:
    """Without `rules` one that takes everything, and has no backend."""

    parent_refs: tuple[ParentReference, ...] = ()
    hostnames: tuple[str, ...] = ()
    rules: tuple[HTTPRouteRule, ...] = (HTTPRouteRule(),)


@dataclass(frozen=True, slots=True)
class GRPCRouteSpec:
    parent_refs: tuple[ParentReference, ...] = ()
    hostnames: tuple[str, ...] = ()
    rules: tuple[GRPCRouteRule, ...] = ()


@dataclass(frozen=True, slots=True)
class HTTPRoute:
    metadata: Metadata
    spec: HTTPRouteSpec = field(default_factory=HTTPRouteSpec)


@dataclass(frozen=True, slots=True)
class GRPCRoute:
    metadata: Metadata
    spec: GRPCRouteSpec = field(default_factory=GRPCRouteSpec)


@dataclass(frozen=True, slots=True)
class SecretObjectReference:
    name: str
    group: str = ""
    kind: str = "Secret"
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class ListenerTLS:
    mode: Literal["Terminate", "Passthrough"] = "Terminate"
    certificate_refs: tuple[SecretObjectReference, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RouteNamespaces:
    from_: Literal["All", "Selector", "Same", "None"] = "Same"
    selector: LabelSelector | None = None


@dataclass(frozen=True, slots=True)
class RouteGroupKind:
    kind: str
    group: str = "gateway.networking.k8s.io"


@dataclass(frozen=True, slots=True)
class AllowedRoutes:
    """No `kinds`: those that fit the protocol."""

    namespaces: RouteNamespaces = field(default_factory=RouteNamespaces)
    kinds: tuple[RouteGroupKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Listener:
    name: str
    port: int
    protocol: str
    hostname: str = ""
    tls: ListenerTLS | None = None
    allowed_routes: AllowedRoutes = field(default_factory=AllowedRoutes)


@dataclass(frozen=True, slots=True)
class GatewayAddress:
    type: str = "IPAddress"
    value: str = ""


@dataclass(frozen=True, slots=True)
class GatewayInfrastructure:
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    parameters_ref: LocalObjectReference | None = None


@dataclass(frozen=True, slots=True)
class KubernetesGatewaySpec:
    gateway_class_name: str
    listeners: tuple[Listener, ...] = ()
    addresses: tuple[GatewayAddress, ...] = ()
    infrastructure: GatewayInfrastructure | None = None


@dataclass(frozen=True, slots=True)
class KubernetesGateway:
    """Its kind is Gateway, as Istio's own is; only the group tells them apart."""

    metadata: Metadata
    spec: KubernetesGatewaySpec


@dataclass(frozen=True, slots=True)
class ParametersReference:
    group: str
    kind: str
    name: str
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class GatewayClassSpec:
    controller_name: str
    parameters_ref: ParametersReference | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class GatewayClass:
    metadata: Metadata
    spec: GatewayClassSpec
