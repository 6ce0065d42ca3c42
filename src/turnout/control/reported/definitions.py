"""CustomResourceDefinitions of kinds that a cluster has from Istio, Gateway API and Turnout: here they are built in.

Programs look for them before they write such objects. What a field may be stands in OpenAPI (`kubectl explain`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from turnout.resources.kinds import GATEWAY_API, ISTIO, KINDS, TURNOUT, Kind

GROUPS = (ISTIO, GATEWAY_API, TURNOUT)


def definitions() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each object, and its status."""
    for kind in KINDS:
        if kind.group in GROUPS:
            yield _definition(kind), _status(kind)


def _names(kind: Kind) -> dict[str, Any]:
    names = {"plural": kind.plural, "singular": kind.kind.lower(), "kind": kind.kind, "listKind": f"{kind.kind}List"}
    return {**names, **({"shortNames": list(kind.short_names)} if kind.short_names else {})}


def _definition(kind: Kind) -> dict[str, Any]:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    versions = [
        {
            "name": version,
            "served": True,
            "storage": version == kind.version,
            "schema": schema,
            "subresources": {"status": {}},
        }
        for version in kind.versions
    ]
    scope = "Namespaced" if kind.namespaced else "Cluster"
    spec = {"group": kind.group, "names": _names(kind), "scope": scope, "versions": versions}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{kind.group}"},
        "spec": spec,
    }


def _status(kind: Kind) -> dict[str, Any]:
    conditions = [
        {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts"},
        {"type": "Established", "status": "True", "reason": "InitialNamesAccepted"},
    ]
    return {"acceptedNames": _names(kind), "storedVersions": [kind.version], "conditions": conditions}
