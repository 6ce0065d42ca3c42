"""Pods that do not come up, as problems: remembered until they do, whatever they are doing in between."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from turnout.problem import ObjectPath, Place, Problem
from turnout.resources.codes import problem
from turnout.workloads.status import PodStatus

_TIMES = re.compile(r" after [\d.]+ s|; next start in \d+ s")
"""What differs from start to start: a problem that changes its words every second cannot be read."""


class Failures:
    """By pod. One that ended once, and was started again, is none."""

    def __init__(self) -> None:
        self._why: dict[str, tuple[str, str, str]] = {}

    def look(self, pods: Collection[PodStatus]) -> None:
        """Whenever a pod has changed."""
        present = {pod.name: pod for pod in pods if not pod.draining}
        self._why = {name: why for name, why in self._why.items() if name in present and not present[name].ready}
        for pod in present.values():
            if pod.phase == "failed" or (pod.phase == "crash-loop" and pod.restarts):
                self._why[pod.name] = pod.namespace, pod.workload, _TIMES.sub("", pod.message)

    def problems(self, where: Mapping[tuple[str, str], Place | ObjectPath]) -> Iterator[Problem]:
        """One for each workload, whose pods fail alike; `where`, by namespace and name, holds those to be told of."""
        for namespace, workload, message in dict.fromkeys(self._why.values()):
            if (namespace, workload) in where:
                said, place = f"{workload} does not run: {message}", where[namespace, workload]
                yield problem("TNO254", place, said, f"see `turnout logs {workload}`")
