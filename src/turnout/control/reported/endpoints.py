"""Who answers for a Service, as Endpoints and EndpointSlices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from turnout.control.reported.replica_set import owner
from turnout.mesh.service import Instance
from turnout.resources.core import ServicePort

JSONObject = dict[str, Any]


def endpoints(service: Mapping[str, Any], instances: Sequence[Instance]) -> JSONObject:
    """One subset for each pod: on one machine each has ports of its own."""
    subsets = [
        {"addresses": [{"ip": each.address, "targetRef": _target(each)}], "ports": _ports(service, each)}
        for each in instances
    ]
    return {**_head(service, "v1", "Endpoints", service["metadata"]["name"]), "subsets": subsets}


def slices(service: Mapping[str, Any], instances: Sequence[Instance]) -> list[JSONObject]:
    """One for each pod, for all endpoints of a slice have the same ports."""
    return [_slice(service, each) for each in instances]


def _slice(service: Mapping[str, Any], instance: Instance) -> JSONObject:
    name = service["metadata"]["name"]
    head = _head(service, "discovery.k8s.io/v1", "EndpointSlice", f"{name}-{instance.name}")
    head["metadata"]["labels"] = {
        "kubernetes.io/service-name": name,
        "endpointslice.kubernetes.io/managed-by": "turnout.dev",
    }
    conditions = {"ready": not instance.draining, "serving": True, "terminating": instance.draining}
    endpoint = {"addresses": [instance.address], "conditions": conditions, "targetRef": _target(instance)}
    family = "IPv6" if ":" in instance.address else "IPv4"
    return {**head, "addressType": family, "endpoints": [endpoint], "ports": _ports(service, instance)}


def _head(service: Mapping[str, Any], api_version: str, kind: str, name: str) -> JSONObject:
    metadata = {
        "name": name,
        "namespace": service["metadata"]["namespace"],
        "labels": dict(service["metadata"].get("labels") or {}),
        "ownerReferences": [owner(service)],
    }
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}


def _target(instance: Instance) -> JSONObject:
    return {"kind": "Pod", "name": instance.name, "namespace": instance.namespace}


def _ports(service: Mapping[str, Any], instance: Instance) -> list[JSONObject]:
    found = []
    for port in service["spec"].get("ports") or ():
        target = instance.target(ServicePort(port["port"], target_port=port.get("targetPort")))
        found.append({"name": port.get("name", ""), "port": target, "protocol": port.get("protocol") or "TCP"})
    return found
