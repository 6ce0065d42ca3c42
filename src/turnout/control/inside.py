"""Where a pod's process runs: what `kubectl exec` starts there sees the same folder and environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnout.apiserver.pod_exec import Inside, Surroundings
from turnout.error import ApiError
from turnout.process import surroundings

if TYPE_CHECKING:
    from turnout.control.instance import Instance


def inside(instance: Instance) -> Inside:
    """Of this instance's pods. Raises ApiError 400 where nothing can be run."""

    def found(namespace: str, name: str) -> Surroundings:
        if engine := instance.options.engine:
            raise ApiError(400, "BadRequest", f"the pod is a container: use `{engine} exec` ({engine} ps lists it)")
        pids = [pod.pid for pod in instance.pods() if (pod.namespace, pod.name) == (namespace, name)]
        seen = surroundings(pids[0]) if pids and pids[0] is not None else None
        if seen is None:
            raise ApiError(400, "BadRequest", f"no process of pod {name} runs now")
        return Surroundings(*seen)

    return found
