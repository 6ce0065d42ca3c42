"""What a Kubernetes API server fills in, and its clients rely on: kubectl stumbles over a Deployment without replicas.

It is filled in where objects are shown, not where they are kept: a live object says what somebody wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnout.resources.kinds import DEPLOYMENT, NAMESPACE, Kind


def with_defaults(kind: Kind, obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object itself where nothing is missing."""
    if kind is DEPLOYMENT and isinstance(spec := obj.get("spec"), Mapping) and spec.get("replicas") is None:
        return {**obj, "spec": {**spec, "replicas": 1}}
    if kind is NAMESPACE:
        phase = "Terminating" if "deletionTimestamp" in obj["metadata"] else "Active"
        return {**obj, "status": {**(obj.get("status") or {}), "phase": phase}}
    return obj
