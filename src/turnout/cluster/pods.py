"""A cluster's pods, as routing and people see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from turnout.mesh.service import Instance, InstancePort
from turnout.workloads.status import Phase, PodStatus

Object = Mapping[str, Any]

HASH: Final = "pod-template-hash"
PHASES: Final[Mapping[str, Phase]] = {"Pending": "pending", "Running": "running", "Failed": "failed"}


def pods(objects: Iterable[Object]) -> list[PodStatus]:
    """Those that have not run to their end."""
    return [_pod(obj) for obj in objects if (obj.get("status") or {}).get("phase") != "Succeeded"]


def workload(pod: Object) -> str:
    """As Istio's metrics name it: the Deployment behind a ReplicaSet, else the owner, else the pod."""
    meta = pod["metadata"]
    owner = next((each for each in meta.get("ownerReferences") or () if each.get("controller", True)), None)
    if owner is None:
        return str(meta["name"])
    suffix = (meta.get("labels") or {}).get(HASH)
    name = str(owner.get("name", meta["name"]))
    return name.removesuffix(f"-{suffix}") if owner.get("kind") == "ReplicaSet" and suffix else name


def instances(objects: Iterable[Object]) -> Iterator[Instance]:
    """What may be sent requests."""
    for obj in objects:
        meta, status = obj["metadata"], obj.get("status") or {}
        if _is_ready(status):
            ports = tuple(_ports(obj)) or (InstancePort(0, 0),)
            draining = meta.get("deletionTimestamp") is not None
            yield Instance(
                meta.get("namespace", ""), workload(obj), meta["name"], str(status.get("podIP") or ""), ports,
                meta.get("labels") or {}, draining,
            )  # fmt: skip


def _ports(obj: Object) -> Iterator[InstancePort]:
    for container in (obj.get("spec") or {}).get("containers") or ():
        for port in container.get("ports") or ():
            yield InstancePort(port["containerPort"], port["containerPort"], port.get("name", ""))


def _pod(obj: Object) -> PodStatus:
    meta, status = obj["metadata"], obj.get("status") or {}
    containers = status.get("containerStatuses") or ()
    ready, message = _is_ready(status), _message(status, containers)
    return PodStatus(
        meta["name"],
        meta.get("namespace", ""),
        workload(obj),
        meta.get("labels") or {},
        str(status.get("podIP") or ""),
        {port.container_port: port.actual_port for port in _ports(obj)},
        phase=_phase(str(status.get("phase", "")), message, ready=ready),
        ready=ready,
        draining=meta.get("deletionTimestamp") is not None,
        restarts=max((each.get("restartCount", 0) for each in containers), default=0),
        message="" if ready else message,
        started_at=_seconds(status.get("startTime")),
    )


def _is_ready(status: Object) -> bool:
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in status.get("conditions") or ())


def _phase(phase: str, message: str, *, ready: bool) -> Phase:
    if message.startswith("CrashLoopBackOff"):
        return "crash-loop"
    found = PHASES.get(phase, "pending")
    return "starting" if found == "running" and not ready else found


def _message(status: Object, containers: Iterable[Object]) -> str:
    """Why a container waits, in Kubernetes' words; else why the pod does."""
    for container in containers:
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason"):
            return ": ".join(part for part in (waiting["reason"], waiting.get("message")) if part)
    return str(status.get("message") or status.get("reason") or "")


def _seconds(text: object) -> float | None:
    return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else None
