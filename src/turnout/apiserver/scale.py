"""The subresource `scale`: how many replicas, for whoever need not know more of a kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnout.apiserver.patch import Patch
from turnout.apiserver.status import Cause, invalid
from turnout.apiserver.target import Target

API_VERSION = "autoscaling/v1"


def scale_of(obj: Mapping[str, Any]) -> dict[str, Any]:
    """A Scale, as `autoscaling/v1` has it."""
    spec, metadata = obj.get("spec") or {}, obj["metadata"]
    kept = {key: metadata[key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")}
    labels = ((spec.get("selector") or {}).get("matchLabels") or {}).items()
    status = {"replicas": (obj.get("status") or {}).get("replicas", 0)}
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels))
    return {
        "kind": "Scale",
        "apiVersion": API_VERSION,
        "metadata": kept,
        "spec": {"replicas": spec.get("replicas", 1)},
        "status": {**status, "selector": selector},
    }


def scaling(named: Target, scale: Mapping[str, Any]) -> Patch:
    """What a Scale changes of its object, guarded by its resourceVersion. Raises StatusError 422."""
    spec, metadata = scale.get("spec") or {}, scale.get("metadata") or {}
    if not isinstance(spec, Mapping) or not isinstance(metadata, Mapping):
        raise invalid(named.kind, named.name, [Cause("FieldValueInvalid", "must be a Scale", "")])
    replicas = spec.get("replicas", 0)
    if not isinstance(replicas, int) or isinstance(replicas, bool) or replicas < 0:
        cause = Cause("FieldValueInvalid", "must be a whole number, 0 or more", "spec.replicas")
        raise invalid(named.kind, named.name, [cause])
    version = metadata.get("resourceVersion")
    guard = {"metadata": {"resourceVersion": version}} if version else {}
    return Patch("merge", {**guard, "spec": {"replicas": replicas}})
