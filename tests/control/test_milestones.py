"""What is told to who watches a service, as it comes to pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from turnout.apiserver.store import Event
from turnout.control.milestones import Milestones
from turnout.delivery.milestone import Milestone
from turnout.resources.kinds import SERVICE, VIRTUAL_SERVICE
from turnout.workloads.workload import Workload

V1 = Workload("default", "a-v1", source="1")


class Told:
    """Hears what is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.milestones = Milestones(self._tell)

    def _tell(self, milestones: Iterable[Milestone]) -> None:
        self.texts += [milestone.text for milestone in milestones]


def virtual_service(*weights: int) -> dict[str, Any]:
    route = [{"destination": {"host": "a", "subset": f"v{at}"}, "weight": w} for at, w in enumerate(weights, 1)]
    return {"metadata": {"namespace": "default", "name": "a"}, "spec": {"http": [{"route": route}]}}


def test_what_runs_at_the_start_is_nothing_new() -> None:
    told = Told()
    told.milestones.planned([V1])
    assert told.texts == []


def test_a_saved_source_is_a_change_of_the_deployment() -> None:
    told = Told()
    told.milestones.planned([V1])
    told.milestones.planned([replace(V1, source="2")])
    told.milestones.planned([replace(V1, source="2", replicas=2)])
    assert told.texts == ["default/a-v1 changed", "default/a-v1 replicas 1 → 2"]


def test_writes_of_virtual_services_are_told_and_no_others() -> None:
    told = Told()
    before, after = virtual_service(99, 1), virtual_service(50, 50)
    told.milestones.written(Event("MODIFIED", VIRTUAL_SERVICE, after, before, 2))
    told.milestones.written(Event("MODIFIED", VIRTUAL_SERVICE, before, after, 3, status_only=True))
    told.milestones.written(Event("ADDED", SERVICE, after, None, 4))
    told.milestones.written(Event("DELETED", VIRTUAL_SERVICE, after, after, 5))
    assert told.texts == ["default/a http[0]: v1 99 → 50, v2 1 → 50", "default/a http[0]: v1 50 → -, v2 50 → -"]
