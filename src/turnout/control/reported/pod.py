"""A pod, as an object of Kubernetes' kind Pod."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from turnout.control.reported.replica_set import HASH, owner
from turnout.workloads.status import UNDECLARED_PORT, PodStatus

JSONObject = dict[str, Any]

FINALIZER = "turnout.dev/process"
"""Keeps a Pod that is deleted until its process is gone."""
PID = "turnout.dev/pid"
PORTS = "turnout.dev/ports"
WAITING = {"pending": "ContainerCreating", "building": "Building", "crash-loop": "CrashLoopBackOff", "failed": "Failed"}
"""Phases in which no process runs, in Kubernetes' words where it has some."""


def fresh(pod: PodStatus, replica_set: Mapping[str, Any], container: int) -> JSONObject:
    """A Pod without status, of its ReplicaSet's template. `container`: the index of the one that runs."""
    template = replica_set["spec"]["template"]
    spec = dict(template.get("spec") or {})
    containers = spec.get("containers") or []
    spec |= {"containers": containers[container : container + 1], "restartPolicy": "Always"}
    metadata = {
        "name": pod.name,
        "namespace": pod.namespace,
        "labels": {**pod.labels, HASH: replica_set["metadata"]["labels"][HASH]},
        "annotations": dict((template.get("metadata") or {}).get("annotations") or {}),
        "ownerReferences": [owner(replica_set)],
        "finalizers": [FINALIZER],
    }
    return marked({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}, pod)


def marked(obj: JSONObject, pod: PodStatus) -> JSONObject:
    """With what only Turnout knows: which process it is, and where it listens."""
    annotations = {k: v for k, v in (obj["metadata"].get("annotations") or {}).items() if k not in (PID, PORTS)}
    if pod.pid is not None:
        annotations[PID] = str(pod.pid)
    if pod.ports:
        annotations[PORTS] = json.dumps({str(port or "PORT"): actual for port, actual in pod.ports.items()})
    return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}}


def status(pod: PodStatus, obj: Mapping[str, Any]) -> JSONObject:
    """Conditions lack the time at which they came about."""
    started, ready = _started(pod), pod.ready and not pod.draining
    conditions = {"PodScheduled": True, "Initialized": True, "ContainersReady": ready, "Ready": ready}
    return {
        "phase": "Running" if pod.pid is not None or pod.ready or pod.phase == "crash-loop" else "Pending",
        "podIP": pod.address,
        "podIPs": [{"ip": pod.address}],
        "hostIP": "127.0.0.1",
        **({"message": pod.message} if pod.message else {}),
        **({"startTime": started} if started else {}),
        "conditions": [{"type": name, "status": str(met)} for name, met in conditions.items()],
        "containerStatuses": [_container(pod, each, started) for each in obj["spec"].get("containers") or ()],
    }


def _container(pod: PodStatus, container: Mapping[str, Any], started: str) -> JSONObject:
    waiting = WAITING.get(pod.phase) if pod.pid is None else None
    state: JSONObject = {"running": {"startedAt": started} if started else {}}
    if waiting:
        state = {"waiting": {"reason": waiting, **({"message": pod.message} if pod.message else {})}}
    return {
        "name": container.get("name", ""),
        "image": container.get("image", ""),
        "imageID": "",
        "containerID": pod.container or (f"process://{pod.pid}" if pod.pid else ""),
        "ready": pod.ready and not pod.draining,
        "started": pod.ready,
        "restartCount": pod.restarts,
        "state": state,
        "lastState": {},
    }


def _started(pod: PodStatus) -> str:
    if pod.started_at is None:
        return ""
    return datetime.fromtimestamp(pod.started_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


__all__ = ["FINALIZER", "UNDECLARED_PORT", "fresh", "marked", "status"]
