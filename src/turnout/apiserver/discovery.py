"""What the API offers, in the shapes that kubectl and client libraries ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from turnout import __version__
from turnout.apiserver.target import SCALABLE
from turnout.resources.kinds import KINDS, POD, Kind

READ_VERBS = ("get", "list", "watch")
VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
POD_VERBS = ("delete", "deletecollection", *READ_VERBS)
STATUS_VERBS = ("get", "patch", "update")
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""The form in which one answer tells of all groups."""


@dataclass(frozen=True, slots=True)
class Part:
    """A subresource."""

    name: str
    kind: str
    verbs: Sequence[str]
    group: str = ""
    version: str = "v1"


@dataclass(frozen=True, slots=True)
class Resource:
    """What a client can ask for under one plural."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    verbs: Sequence[str]
    short_names: Sequence[str] = ()
    categories: Sequence[str] = ()
    parts: Sequence[Part] = ()


def version() -> dict[str, Any]:
    """The Kubernetes version whose API this follows; kubectl only compares it."""
    return {"major": "1", "minor": "34", "gitVersion": f"v1.34.0+turnout-{__version__}", "platform": "turnout"}


def verbs(kind: Kind) -> Sequence[str]:
    """What may be done with objects of a kind: what Turnout itself writes is read, and a Pod may be deleted."""
    if kind.use != "reported":
        return VERBS
    return POD_VERBS if kind is POD else READ_VERBS


def _of(kind: Kind, version: str) -> Resource:
    writable = STATUS_VERBS if kind.use != "reported" else ("get",)
    parts = [Part("status", kind.kind, writable, kind.group, version)]
    if kind in SCALABLE:
        parts.append(Part("scale", "Scale", STATUS_VERBS, "autoscaling"))
    if kind is POD:
        parts += [Part("log", "Pod", ("get",)), Part("exec", "PodExecOptions", ("create", "get"))]
        parts += [Part("portforward", "PodPortForwardOptions", ("create", "get"))]
    return Resource(
        kind.group,
        version,
        kind.plural,
        kind.kind,
        kind.namespaced,
        verbs(kind),
        kind.short_names,
        ("all",) if kind.in_all else (),
        tuple(parts),
    )


def _asked(group: str, plural: str, kind: str) -> Resource:
    """What is asked by creating it, and not kept."""
    return Resource(group, "v1", plural, kind, False, ("create",))


ASKED = (
    _asked("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview"),
    _asked("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    _asked("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
)
METRICS = Resource("metrics.k8s.io", "v1beta1", "pods", "PodMetrics", True, ("get", "list"))
RESOURCES = (*(_of(kind, version) for kind in KINDS for version in kind.versions), *ASKED, METRICS)


# --- one group and version after the other


def core_versions() -> dict[str, Any]:
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def groups() -> dict[str, Any]:
    names = dict.fromkeys(resource.group for resource in RESOURCES if resource.group)
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in names]}


def group(name: str) -> dict[str, Any] | None:
    """None: no such group."""
    known = any(resource.group == name for resource in RESOURCES if resource.group)
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name)} if known else None


def resources(group: str, version: str) -> dict[str, Any] | None:
    """None: no such group or version."""
    found = _listed(group, version)
    if not found:
        return None
    group_version = f"{group}/{version}" if group else version
    listed = [entry for resource in found for entry in _entries(resource)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": listed}


def _listed(group: str, version: str) -> list[Resource]:
    return [resource for resource in RESOURCES if (resource.group, resource.version) == (group, version)]


def _versions(group: str) -> list[str]:
    """The preferred one first."""
    return list(dict.fromkeys(resource.version for resource in RESOURCES if resource.group == group))


def _group(name: str) -> dict[str, Any]:
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in _versions(name)]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _entries(resource: Resource) -> list[dict[str, Any]]:
    named = {"singularName": resource.kind.lower(), "namespaced": resource.namespaced, "kind": resource.kind}
    entry: dict[str, Any] = {"name": resource.plural, **named, "verbs": list(resource.verbs), **_names(resource)}
    return [entry, *(_part(resource, part) for part in resource.parts)]


def _part(resource: Resource, part: Part) -> dict[str, Any]:
    entry = {"name": f"{resource.plural}/{part.name}", "singularName": "", "namespaced": resource.namespaced}
    other = {"group": part.group, "version": part.version} if part.group != resource.group else {}
    return {**entry, **other, "kind": part.kind, "verbs": list(part.verbs)}


def _names(resource: Resource) -> dict[str, Any]:
    short, categories = list(resource.short_names), list(resource.categories)
    return ({"shortNames": short} if short else {}) | ({"categories": categories} if categories else {})


# --- all at once


def aggregated(*, core: bool) -> dict[str, Any]:
    """Kubernetes' group, or all others."""
    names = [""] if core else list(dict.fromkeys(resource.group for resource in RESOURCES if resource.group))
    items = [{"metadata": {"name": name} if name else {}, "versions": list(_whole(name))} for name in names]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _whole(group: str) -> Iterable[Mapping[str, Any]]:
    for version in _versions(group):
        listed = [_described(resource) for resource in _listed(group, version)]
        yield {"version": version, "resources": listed, "freshness": "Current"}


def _described(resource: Resource) -> dict[str, Any]:
    parts = [
        {
            "subresource": part.name,
            "responseKind": {"group": part.group, "version": part.version, "kind": part.kind},
            "verbs": list(part.verbs),
        }
        for part in resource.parts
    ]
    return {
        "resource": resource.plural,
        "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.kind.lower(),
        "verbs": list(resource.verbs),
        **_names(resource),
        **({"subresources": parts} if parts else {}),
    }
