"""Where a pod's process runs, or its container: what `kubectl exec` starts there sees the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from turnout.apiserver.pod_exec import Inside, Surroundings
from turnout.error import ApiError
from turnout.process import surroundings
from turnout.workloads.container_cli import outer_environment

if TYPE_CHECKING:
    from turnout.control.instance import Instance


def inside(instance: Instance) -> Inside:
    """Of this instance's pods. Raises ApiError 400 where nothing can be run."""

    def found(namespace: str, name: str) -> Surroundings:
        pod = next((pod for pod in instance.pods() if (pod.namespace, pod.name) == (namespace, name)), None)
        if pod is not None and pod.container:
            engine, _, container = pod.container.partition("://")
            return Surroundings(Path("/"), outer_environment(), engine, container)
        seen = surroundings(pod.pid) if pod is not None and pod.pid is not None else None
        if seen is None:
            raise ApiError(400, "BadRequest", f"no process of pod {name} runs now")
        return Surroundings(*seen)

    return found
