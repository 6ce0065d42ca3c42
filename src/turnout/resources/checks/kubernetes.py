"""Services, ConfigMaps and Secrets, as Kubernetes checks them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

from turnout.resources import calls_per_request
from turnout.resources.checks.metadata import check_labels
from turnout.resources.checks.value import check_port, check_unique
from turnout.resources.core import ConfigMap, Secret, Service, ServicePort, ServiceSpec
from turnout.resources.finding import Findings
from turnout.resources.layout import Path
from turnout.resources.meta import Metadata
from turnout.resources.name import is_label, is_port_name
from turnout.resources.spelling import shown

_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_TYPES = ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName")


def check_service(resource: Service, findings: Findings) -> None:
    spec = resource.spec
    if spec.type not in _TYPES:
        findings.add("TNO015", ("spec", "type"), f"{shown(spec.type)} is none of {', '.join(_TYPES)}")
    if spec.type == "ExternalName":
        if not spec.external_name:
            findings.add("TNO180", ("spec",), "a Service of type ExternalName needs `externalName`")
    elif not spec.ports and spec.cluster_ip != "None":
        findings.add("TNO180", ("spec",), "the Service has no ports", "add `ports: [{port: 80, targetPort: …}]`")
    check_labels(spec.selector, ("spec", "selector"), findings)
    _check_calls(resource.metadata, findings)
    _check_service_ports(spec, findings)


def _check_calls(metadata: Metadata, findings: Findings) -> None:
    given = metadata.annotations.get(calls_per_request.ANNOTATION)
    if given is not None and calls_per_request.parsed(given) is None:
        at: Path = ("metadata", "annotations", calls_per_request.ANNOTATION)
        findings.add("TNO015", at, f"{shown(given)} is no number of calls", calls_per_request.HINT)


def _check_service_ports(spec: ServiceSpec, findings: Findings) -> None:
    at: Path = ("spec", "ports")
    check_unique((port.name for port in spec.ports), at, "name", "the port name", findings)
    seen: set[tuple[int, str]] = set()
    for number, port in enumerate(spec.ports):
        _check_service_port(port, (*at, number), findings)
        if len(spec.ports) > 1 and not port.name:
            findings.add("TNO180", (*at, number), "a Service with several ports needs a name for each")
        if (port.port, port.protocol) in seen:
            findings.add("TNO105", (*at, number, "port"), f"port {port.port} is given twice")
        seen.add((port.port, port.protocol))


def _check_service_port(port: ServicePort, at: Path, findings: Findings) -> None:
    check_port(port.port, (*at, "port"), findings)
    if port.name and not is_label(port.name):
        findings.add("TNO101", (*at, "name"), f"{shown(port.name)} cannot be the name of a port")
    if port.protocol not in ("TCP", "UDP", "SCTP"):
        hint = "what it speaks goes into `appProtocol`, or the start of its name: `http-web`"
        findings.add("TNO180", (*at, "protocol"), f"{shown(port.protocol)} is none of TCP, UDP, SCTP", hint)
    check_target_port(port.target_port, (*at, "targetPort"), findings)


def check_target_port(target: int | str | None, at: Path, findings: Findings) -> None:
    """A number, or the name of a container's port."""
    if isinstance(target, int):
        check_port(target, at, findings)
    elif target is not None and not is_port_name(target):
        hint = f"write it without quotes: {target}" if target.isdecimal() else None
        findings.add("TNO180", at, f"{shown(target)} is neither a port number nor the name of a port", hint)


def check_config_map(resource: ConfigMap, findings: Findings) -> None:
    _check_keys(resource.data, ("data",), findings)


def check_secret(resource: Secret, findings: Findings) -> None:
    _check_keys(resource.data, ("data",), findings)
    _check_keys(resource.string_data, ("stringData",), findings)
    for key, value in resource.data.items():
        try:
            base64.b64decode("".join(value.split()), validate=True)
        except (binascii.Error, ValueError):
            findings.add("TNO185", ("data", key), f"{shown(key)} is not base64", "put plain text under `stringData`")


def _check_keys(keys: Iterable[str], at: Path, findings: Findings) -> None:
    for key in keys:
        if not _KEY.fullmatch(key):
            findings.add("TNO185", (*at, key), f"{shown(key)} cannot be a key", "use letters, digits, `-`, `_` and `.`")
