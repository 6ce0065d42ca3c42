"""What a write means to who watches a service."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.delivery.milestone import Deployed, Milestone, deployments, routing

HOST = "a.default.svc.cluster.local"


def virtual_service(*routes: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"namespace": "default", "name": "a"}, "spec": {"http": list(routes)}}


def split(v1: int, v2: int, **more: Any) -> dict[str, Any]:
    weights = {"v1": v1, "v2": v2}
    return {
        "route": [{"destination": {"host": "a", "subset": s}, "weight": weight} for s, weight in weights.items()],
        **more,
    }


def test_weights_that_moved_are_told_before_and_after() -> None:
    found = routing(virtual_service(split(99, 1)), virtual_service(split(50, 50)))
    assert list(found) == [Milestone("weights", (HOST,), "default/a http[0]: v1 99 → 50, v2 1 → 50")]


def test_a_mirror_is_told_when_it_comes_and_when_it_goes() -> None:
    plain, mirrored = split(100, 0), split(100, 0, mirror={"host": "b"}, name="main")
    plain["name"] = "main"
    on = routing(virtual_service(plain), virtual_service(mirrored))
    hosts = (HOST, "b.default.svc.cluster.local")
    assert list(on) == [Milestone("mirror", hosts, "default/a main: mirror off → b")]
    off = routing(virtual_service(mirrored), virtual_service(plain))
    assert [found.text for found in off] == ["default/a main: mirror b → off"]


def test_a_route_that_is_added_starts_from_nothing() -> None:
    (found,) = routing(None, virtual_service(split(99, 1)))
    assert found.text == "default/a http[0]: v1 - → 99, v2 - → 1"


def test_other_fields_and_single_destinations_are_nothing_to_tell() -> None:
    single = {"route": [{"destination": {"host": "a"}}]}
    assert not list(routing(virtual_service(single), virtual_service({**single, "timeout": "1s"})))
    assert not list(routing(None, virtual_service(single)))


OLD = Deployed("1", 1)


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ({}, {"default/a-v1": OLD}, "default/a-v1 added"),
        ({"default/a-v1": OLD}, {}, "default/a-v1 removed"),
        ({"default/a-v1": OLD}, {"default/a-v1": Deployed("2", 1)}, "default/a-v1 changed"),
        ({"default/a-v1": OLD}, {"default/a-v1": Deployed("1", 3)}, "default/a-v1 replicas 1 → 3"),
    ],
)
def test_deployments_that_come_go_and_change(
    before: dict[str, Deployed], after: dict[str, Deployed], text: str
) -> None:
    assert list(deployments(before, after)) == [Milestone("deployment", ("default/a-v1",), text)]
    assert not list(deployments(after, after))
