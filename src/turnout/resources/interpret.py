"""Plain data to a typed resource: which kind it is, whether it has that kind's shape, and whether it makes sense."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from turnout.problem import ObjectPath, Place, Problem, errors
from turnout.resources import forwarding_route, gateway_api, kinds
from turnout.resources.checks.deployment import check_deployment
from turnout.resources.checks.destination_rule import check_destination_rule
from turnout.resources.checks.forwarding_route import check_tcp_route, check_tls_route
from turnout.resources.checks.gateway import check_gateway
from turnout.resources.checks.gateway_listener import check_gateway_class, check_kubernetes_gateway
from turnout.resources.checks.gateway_route import check_gateway_grpc_route, check_gateway_http_route
from turnout.resources.checks.kubernetes import check_config_map, check_secret, check_service
from turnout.resources.checks.metadata import check_metadata
from turnout.resources.checks.rollout import check_rollout
from turnout.resources.checks.service_entry import check_service_entry
from turnout.resources.checks.virtual_service import check_virtual_service
from turnout.resources.codes import problem
from turnout.resources.core import ConfigMap, Deployment, Kept, Namespace, Secret, Service
from turnout.resources.decode import Dialect, decode
from turnout.resources.destination_rule import DestinationRule
from turnout.resources.document import Document
from turnout.resources.finding import Finding, Findings, dotted
from turnout.resources.gateway import Gateway
from turnout.resources.kinds import KINDS, Kind
from turnout.resources.layout import Path
from turnout.resources.reference_grant import ReferenceGrant
from turnout.resources.rollout import Rollout
from turnout.resources.service_entry import ServiceEntry
from turnout.resources.spelling import closest, shown
from turnout.resources.virtual_service import VirtualService

Resource = (
    Namespace
    | Service
    | ConfigMap
    | Secret
    | Kept
    | Deployment
    | VirtualService
    | DestinationRule
    | Gateway
    | ServiceEntry
    | gateway_api.GatewayClass
    | gateway_api.KubernetesGateway
    | ReferenceGrant
    | gateway_api.HTTPRoute
    | gateway_api.GRPCRoute
    | forwarding_route.TLSRoute
    | forwarding_route.TCPRoute
    | Rollout
)
"""One object of any kind that Turnout knows."""


@dataclass(frozen=True, slots=True)
class Interpreted:
    """`resource` is None when an error is among the problems; `kind` is None when Turnout does not know it.

    `draft`: the resource as far as it could be read, for whoever looks at what is wrong; nothing is carried out of it.
    """

    kind: Kind | None
    resource: Resource | None
    problems: list[Problem] = field(default_factory=list)
    draft: Resource | None = None


@dataclass(frozen=True, slots=True)
class _Schema:
    """How one kind is read and checked."""

    cls: type[Any]
    dialect: Dialect
    check: Callable[[Any, Findings], None] | None = None


_SCHEMAS = {
    kinds.NAMESPACE: _Schema(Namespace, Dialect.KUBERNETES),
    kinds.SERVICE: _Schema(Service, Dialect.KUBERNETES, check_service),
    kinds.CONFIG_MAP: _Schema(ConfigMap, Dialect.KUBERNETES, check_config_map),
    kinds.SECRET: _Schema(Secret, Dialect.KUBERNETES, check_secret),
    kinds.DEPLOYMENT: _Schema(Deployment, Dialect.KUBERNETES, check_deployment),
    kinds.VIRTUAL_SERVICE: _Schema(VirtualService, Dialect.ISTIO, check_virtual_service),
    kinds.DESTINATION_RULE: _Schema(DestinationRule, Dialect.ISTIO, check_destination_rule),
    kinds.SERVICE_ENTRY: _Schema(ServiceEntry, Dialect.ISTIO, check_service_entry),
    kinds.GATEWAY: _Schema(Gateway, Dialect.ISTIO, check_gateway),
    kinds.GATEWAY_CLASS: _Schema(gateway_api.GatewayClass, Dialect.CUSTOM, check_gateway_class),
    kinds.KUBERNETES_GATEWAY: _Schema(gateway_api.KubernetesGateway, Dialect.CUSTOM, check_kubernetes_gateway),
    kinds.REFERENCE_GRANT: _Schema(ReferenceGrant, Dialect.CUSTOM),
    kinds.HTTP_ROUTE: _Schema(gateway_api.HTTPRoute, Dialect.CUSTOM, check_gateway_http_route),
    kinds.GRPC_ROUTE: _Schema(gateway_api.GRPCRoute, Dialect.CUSTOM, check_gateway_grpc_route),
    kinds.TLS_ROUTE: _Schema(forwarding_route.TLSRoute, Dialect.CUSTOM, check_tls_route),
    kinds.TCP_ROUTE: _Schema(forwarding_route.TCPRoute, Dialect.CUSTOM, check_tcp_route),
    kinds.ROLLOUT: _Schema(Rollout, Dialect.ISTIO, check_rollout),
    **dict.fromkeys((kind for kind in KINDS if kind not in kinds.WANTED), _Schema(Kept, Dialect.KUBERNETES)),
}
_NOT_DECODED = frozenset(("apiVersion", "kind", "status"))
_KINDS = {(f"{k.group}/{version}" if k.group else version, k.kind): k for k in KINDS for version in k.versions}


def shape(kind: Kind) -> tuple[type[Any], Dialect]:
    """What objects of a kind are read into, and how."""
    return _SCHEMAS[kind].cls, _SCHEMAS[kind].dialect


def interpret(obj: Mapping[str, Any], document: Document | None = None) -> Interpreted:
    """The resource in an object, and everything that is wrong with it. Never raises, whatever the object contains.

    Problems are at file:line:column when the document is given, else at the object's name and field path.
    """
    api_version, name = obj.get("apiVersion"), obj.get("kind")
    findings = Findings()
    if not isinstance(api_version, str) or not isinstance(name, str) or not api_version or not name:
        _missing_type(obj, findings)
        return Interpreted(None, None, _problems(obj, document, findings))
    kind = _KINDS.get((api_version, name))
    if kind is None:
        _unknown_kind(api_version, name, findings)
        return Interpreted(None, None, _problems(obj, document, findings))
    schema = _SCHEMAS[kind]
    data = {key: value for key, value in obj.items() if key not in _NOT_DECODED}
    resource = decode(schema.cls, data, schema.dialect, findings)
    if resource is not None:
        has_shape = not findings.has_error  # what a misspelt field leaves out would be found missing a second time
        check_metadata(resource.metadata, kind, findings)
        if has_shape and schema.check is not None:
            schema.check(resource, findings)
    if not findings.found:
        return Interpreted(kind, resource, draft=resource)
    problems = _problems(obj, document, findings)
    return Interpreted(kind, None if errors(problems) else resource, problems, resource)


def _missing_type(obj: Mapping[str, Any], findings: Findings) -> None:
    for key in ("apiVersion", "kind"):
        value = obj.get(key)
        if value is None or value == "":
            near = closest(key, (str(given) for given in obj), cutoff=0.8)
            findings.add("TNO010", (), f"`{key}` is missing", f"is `{near}` meant to be `{key}`?" if near else None)
        elif not isinstance(value, str):
            findings.add("TNO013", (key,), f"expected text, not {shown(value)}")


def _unknown_kind(api_version: str, name: str, findings: Findings) -> None:
    known = [api for api, kind in _KINDS if kind == name]
    if known:
        group = api_version.rpartition("/")[0]
        versions = ", ".join([api for api in known if api.rpartition("/")[0] == group] or known)
        findings.add("TNO011", ("apiVersion",), f"{name} has no apiVersion {shown(api_version)}", f"known: {versions}")
        return
    near = closest(name, {kind.kind for kind in KINDS}, cutoff=0.8)
    hint = f"did you mean {near}?" if near else f"Turnout runs {', '.join(kind.kind for kind in KINDS)}"
    findings.add("TNO011", ("kind",), f"kind {shown(name)} of {shown(api_version)} is not known and is left out", hint)


def _problems(obj: Mapping[str, Any], document: Document | None, findings: Findings) -> list[Problem]:
    found = dict.fromkeys(findings.found)  # a rule may find the same twice, by two ways
    return [problem(f.code, _where(f, obj, document), f.message, f.hint) for f in found]


def _where(finding: Finding, obj: Mapping[str, Any], document: Document | None) -> Place | ObjectPath:
    if document is not None:
        return document.place(finding.path)
    metadata = obj.get("metadata")
    named: Mapping[str, Any] = metadata if isinstance(metadata, Mapping) else {}
    kind = kinds.title(_text(obj.get("apiVersion")), _text(obj.get("kind")))
    return ObjectPath(kind, _text(named.get("namespace")), _text(named.get("name")), dotted(finding.path))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


__all__ = ["Interpreted", "Path", "Resource", "interpret", "shape"]
