"""A Deployment's status, as `kubectl rollout status` reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from turnout.control.reported.replica_set import wanted
from turnout.workloads.status import PodStatus


def status(deployment: Mapping[str, Any], pods: Sequence[PodStatus], template_hash: str) -> dict[str, Any]:
    """`template_hash`: of the pods that are wanted now. Conditions lack the time at which they came about.

    Pods that drain are counted with those that are to go, so that a rollout is over when they are gone.
    """
    count = wanted(deployment)
    serving = [pod for pod in pods if not pod.draining]
    current = [pod for pod in serving if pod.template_hash == template_hash]
    ready = sum(pod.ready for pod in serving)
    done = len(current) >= count and sum(pod.ready for pod in current) >= count and len(pods) == len(current)
    failing = next((pod.message for pod in current if pod.message and not pod.ready), "")
    return {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        "replicas": len(pods),
        "updatedReplicas": len(current),
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(count - ready, 0),
        "conditions": [
            _condition("Available", ready >= count, "MinimumReplicasAvailable", "MinimumReplicasUnavailable", failing),
            _condition("Progressing", True, "NewReplicaSetAvailable" if done else "ReplicaSetUpdated", "", failing),
        ],
    }


def _condition(name: str, met: bool, reason: str, otherwise: str, message: str) -> dict[str, Any]:
    found = {"type": name, "status": str(met), "reason": reason if met else otherwise}
    return {**found, "message": message} if message else found
