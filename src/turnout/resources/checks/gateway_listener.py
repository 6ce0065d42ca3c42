"""Gateway API's Gateway: its listeners; and GatewayClass."""

from __future__ import annotations

import re

from turnout.resources.checks.gateway_reference import check_host_name
from turnout.resources.checks.metadata import check_labels
from turnout.resources.checks.value import check_port, check_unique
from turnout.resources.finding import Findings
from turnout.resources.gateway_api import GatewayClass, KubernetesGateway, Listener, ListenerTLS
from turnout.resources.kinds import GATEWAY_API
from turnout.resources.layout import Path
from turnout.resources.name import is_subdomain
from turnout.resources.spelling import closest, shown

MOST_LISTENERS = 64
PROTOCOLS = ("HTTP", "HTTPS", "TLS", "TCP", "UDP")
SERVED = ("HTTP", "HTTPS", "TLS", "TCP")
ROUTES = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute")
"""Kinds that listeners of these take."""
NOT_SERVED = frozenset(("istio-waypoint", "istio-east-west"))
"""Classes of gateways that no request comes in by from outside."""

_CONTROLLER = re.compile(
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
)


def check_kubernetes_gateway(resource: KubernetesGateway, findings: Findings) -> None:
    spec = resource.spec
    at: Path = ("spec", "listeners")
    if not is_subdomain(spec.gateway_class_name):
        message = f"{shown(spec.gateway_class_name)} cannot be the name of a GatewayClass"
        findings.add("TNO101", ("spec", "gatewayClassName"), message, "Istio's is `istio`")
    elif spec.gateway_class_name in NOT_SERVED:
        message = f"no effect here: gateways of class {spec.gateway_class_name}"
        hint = "inside the mesh each workload's own proxy routes: attach routes to Services"
        findings.add("TNO173", ("spec", "gatewayClassName"), message, hint)
    if not spec.listeners:
        findings.add("TNO155", at, "a Gateway must have at least one listener")
    if len(spec.listeners) > MOST_LISTENERS:
        findings.add("TNO172", at, f"{len(spec.listeners)} listeners; Gateway API allows {MOST_LISTENERS}")
    check_unique((listener.name for listener in spec.listeners), at, "name", "the name", findings)
    seen: dict[tuple[int, str, str], int] = {}
    for number, listener in enumerate(spec.listeners):
        _check_listener(listener, (*at, number), findings)
        first = seen.setdefault((listener.port, listener.protocol, listener.hostname), number)
        if first != number:
            message = f"port, protocol and hostname are those of listener {spec.listeners[first].name}"
            findings.add("TNO105", (*at, number), message)
    if spec.addresses:
        findings.add("TNO173", ("spec", "addresses"), "no effect here: addresses (gateways listen on loopback)")


def _check_listener(listener: Listener, at: Path, findings: Findings) -> None:
    if not is_subdomain(listener.name):
        findings.add("TNO101", (*at, "name"), f"{shown(listener.name)} cannot be the name of a listener")
    check_port(listener.port, (*at, "port"), findings)
    if listener.protocol not in PROTOCOLS:
        near = closest(listener.protocol, PROTOCOLS)
        hint = f"did you mean {near}?" if near else f"use {', '.join(PROTOCOLS)}"
        findings.add("TNO156", (*at, "protocol"), f"{shown(listener.protocol)} is no protocol", hint)
    elif listener.protocol not in SERVED:
        message = f"no effect here: listeners of {listener.protocol}"
        findings.add("TNO173", (*at, "protocol"), message)
    if listener.hostname and listener.protocol in ("TCP", "UDP"):
        findings.add("TNO156", (*at, "hostname"), f"a listener of {listener.protocol} has no hostname")
    check_host_name(listener.hostname or None, (*at, "hostname"), findings, may_be_wild=True)
    _check_tls(listener, at, findings)
    _check_allowed(listener, (*at, "allowedRoutes"), findings)


def _check_tls(listener: Listener, at: Path, findings: Findings) -> None:
    tls = listener.tls
    if listener.protocol in ("HTTPS", "TLS") and tls is None:
        findings.add("TNO157", at, f"a listener of {listener.protocol} must have `tls`", "add `tls.certificateRefs`")
    elif tls is not None and listener.protocol in ("HTTP", "TCP", "UDP"):
        findings.add("TNO157", (*at, "tls"), f"a listener of {listener.protocol} cannot have `tls`")
    elif tls is not None:
        _check_certificates(tls, listener.protocol, (*at, "tls"), findings)


def _check_certificates(tls: ListenerTLS, protocol: str, at: Path, findings: Findings) -> None:
    if protocol == "HTTPS" and tls.mode != "Terminate":
        findings.add("TNO157", (*at, "mode"), "a listener of HTTPS ends TLS: the mode must be Terminate")
    if tls.mode == "Terminate" and not tls.certificate_refs and not tls.options:
        findings.add("TNO158", at, "no certificate is named", "add `certificateRefs: [{name: SECRET}]`")
    for number, reference in enumerate(tls.certificate_refs):
        if (reference.group, reference.kind) != ("", "Secret"):
            findings.add("TNO158", (*at, "certificateRefs", number), "a certificate is in a Secret, and nowhere else")


def _check_allowed(listener: Listener, at: Path, findings: Findings) -> None:
    namespaces = listener.allowed_routes.namespaces
    if namespaces.from_ == "Selector" and namespaces.selector is None:
        findings.add("TNO171", (*at, "namespaces"), "`from: Selector` needs a `selector`")
    if namespaces.selector is not None:
        check_labels(namespaces.selector.match_labels, (*at, "namespaces", "selector", "matchLabels"), findings)
    for number, kind in enumerate(listener.allowed_routes.kinds):
        if kind.group != GATEWAY_API or kind.kind not in ROUTES:
            message = f"no effect here: routes of kind {shown(kind.kind)}"
            findings.add("TNO173", (*at, "kinds", number), message, f"{', '.join(ROUTES)} are served")


def check_gateway_class(resource: GatewayClass, findings: Findings) -> None:
    name = resource.spec.controller_name
    if not _CONTROLLER.fullmatch(name):
        at: Path = ("spec", "controllerName")
        hint = "Istio's is istio.io/gateway-controller"
        findings.add("TNO101", at, f"{shown(name)} cannot be a controller's name: a domain, `/` and a path", hint)
