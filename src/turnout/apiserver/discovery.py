"""What the API offers, in the shape that kubectl and client libraries ask for it."""

from __future__ import annotations

from typing import Any

from turnout import __version__
from turnout.apiserver.target import SCALABLE
from turnout.resources.kinds import KINDS, Kind

VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
STATUS_VERBS = ["get", "patch", "update"]


def version() -> dict[str, Any]:
    """The Kubernetes version whose API this follows; kubectl only compares it."""
    return {"major": "1", "minor": "34", "gitVersion": f"v1.34.0+turnout-{__version__}", "platform": "turnout"}


def core_versions() -> dict[str, Any]:
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def groups() -> dict[str, Any]:
    names = dict.fromkeys(kind.group for kind in KINDS if kind.group)
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in names]}


def group(name: str) -> dict[str, Any] | None:
    """None: no such group."""
    known = any(kind.group == name for kind in KINDS if kind.group)
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name)} if known else None


def resources(group: str, version: str) -> dict[str, Any] | None:
    """None: no such group or version."""
    kinds = [kind for kind in KINDS if kind.group == group and version in kind.versions]
    if not kinds:
        return None
    group_version = f"{group}/{version}" if group else version
    listed = [entry for kind in kinds for entry in _resources(kind)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": listed}


def _group(name: str) -> dict[str, Any]:
    kind = next(kind for kind in KINDS if kind.group == name)
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in kind.versions]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _resources(kind: Kind) -> list[dict[str, Any]]:
    entry: dict[str, Any] = {"name": kind.plural, "singularName": kind.kind.lower(), "namespaced": kind.namespaced}
    entry |= {"kind": kind.kind, "verbs": VERBS}
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    status = {"name": f"{kind.plural}/status", "singularName": "", "namespaced": kind.namespaced}
    scale = {**status, "name": f"{kind.plural}/scale", "group": "autoscaling", "version": "v1", "kind": "Scale"}
    parts = [{**status, "kind": kind.kind}, *([scale] if kind in SCALABLE else [])]
    return [entry, *({**part, "verbs": STATUS_VERBS} for part in parts)]
