"""Notices what somebody who watches a service's traffic wants to know of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from turnout.apiserver.store import Event
from turnout.delivery.milestone import Deployed, Milestone, deployments, routing
from turnout.resources.kinds import VIRTUAL_SERVICE
from turnout.workloads.workload import Workload


class Milestones:
    """Tells each as it comes to pass; what there is at the start is none."""

    def __init__(self, tell: Callable[[Iterable[Milestone]], None]) -> None:
        self._tell = tell
        self._planned: dict[str, Workload] | None = None

    def written(self, event: Event) -> None:
        """An object was."""
        if event.kind is VIRTUAL_SERVICE and not event.status_only:
            after = None if event.type == "DELETED" else event.object
            before = event.object if event.type == "DELETED" else event.previous
            self._tell(routing(before, after))

    def planned(self, workloads: Sequence[Workload]) -> None:
        """These shall run: a source that was saved is seen here as well."""
        now = {f"{workload.namespace}/{workload.name}": workload for workload in workloads}
        before, self._planned = self._planned, now
        if before is not None and before != now:
            self._tell(deployments(_deployed(before), _deployed(now)))


def _deployed(planned: Mapping[str, Workload]) -> dict[str, Deployed]:
    return {name: Deployed(workload.template_hash, workload.replicas) for name, workload in planned.items()}
