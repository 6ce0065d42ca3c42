"""A change of several VirtualServices: all or nothing, acknowledged, remembered, and taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.apiserver.samples import TOKEN, Served

from turnout.apiserver import kubeconfig
from turnout.apiserver.store import Event, Store
from turnout.apiserver.view import ViewRequest
from turnout.client import Client
from turnout.client.change import attempt, carry_out, restore
from turnout.delivery.edit import Edit, Refusal
from turnout.delivery.plan import Routing
from turnout.delivery.steering import Versions, steer
from turnout.delivery.weights import shift
from turnout.error import ApiError, TurnoutError
from turnout.resources.kinds import VIRTUAL_SERVICE
from turnout.resources.sticky import ANNOTATION

HOST = "app.default.svc.cluster.local"
NAMES = ("cluster", "ingress")


def virtual_service(name: str) -> dict[str, Any]:
    choices = [{"destination": {"host": "app", "subset": s}, "weight": w} for s, w in (("green", 0), ("blue", 100))]
    spec = {"hosts": ["app"], "http": [{"name": "all", "route": choices}]}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec}


class Envoy:
    """Confirms every new generation, as the control loop does; remembers which changes came together."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.verdict = "True"
        self.changes: list[tuple[str, int]] = []
        store.subscribe(self.seen)

    def seen(self, event: Event) -> None:
        if event.type != "MODIFIED" or event.status_only:
            return
        if event.change:
            self.changes.append((event.change.id, event.change.of))
        asyncio.get_running_loop().call_soon(self.confirm, event.object["metadata"])

    def confirm(self, meta: dict[str, Any]) -> None:
        status = {
            "observedGeneration": meta["generation"],
            "conditions": [{"type": "Reconciled", "status": self.verdict}],
        }
        self.store.write_status(VIRTUAL_SERVICE, meta["namespace"], meta["name"], status)


@pytest.fixture
def steps() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def served(tmp_path: Path, steps: list[dict[str, Any]]) -> Iterator[Served]:
    async def history(request: ViewRequest) -> Any:
        if request.method == "POST":
            steps.append(request.body)
        return steps

    server = Served(tmp_path / "state.db", {"history": history})
    server.start()
    kubeconfig.write(tmp_path / "kubeconfig", f"http://127.0.0.1:{server.port}", TOKEN)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def envoy(served: Served) -> Envoy:
    served.do(lambda store: [store.create(VIRTUAL_SERVICE, virtual_service(name)) for name in NAMES])
    envoy: Envoy = served.do(Envoy)
    return envoy


@pytest.fixture
def client(envoy: Envoy, tmp_path: Path) -> Iterator[Client]:
    with Client.from_state(tmp_path) as opened:
        yield opened


def weights(client: Client) -> list[list[int]]:
    objects = client.list(VIRTUAL_SERVICE)["items"]
    return [[choice["weight"] for choice in obj["spec"]["http"][0]["route"]] for obj in objects]


def planned(client: Client, green: int) -> tuple[list[Edit], list[dict[str, Any]]]:
    objects = client.list(VIRTUAL_SERVICE)["items"]
    edits = shift(objects, HOST, {"green": Decimal(green)})
    assert not isinstance(edits, Refusal)
    return edits, objects


def stuck(client: Client, sticky: str, stable: int) -> tuple[list[Edit], list[dict[str, Any]]]:
    objects = client.list(VIRTUAL_SERVICE)["items"]
    edits = steer(objects, Versions(HOST, "blue", "green"), Routing(stable, 100 - stable), sticky=sticky)
    assert not isinstance(edits, Refusal)
    return edits, objects


def stickies(client: Client) -> list[str | None]:
    objects = client.list(VIRTUAL_SERVICE)["items"]
    return [(obj["metadata"].get("annotations") or {}).get(ANNOTATION) for obj in objects]


def test_all_objects_are_patched_under_one_change_id_and_acknowledged(client: Client, envoy: Envoy) -> None:
    outcome = carry_out(client, *planned(client, 1), "shift app green=1")
    assert outcome.acknowledged
    assert weights(client) == [[1, 99], [1, 99]]
    assert len(envoy.changes) == 2
    assert {of for _, of in envoy.changes} == {2}
    assert len({change for change, _ in envoy.changes}) == 1


def test_a_conflict_on_one_object_leaves_all_as_they_were(client: Client) -> None:
    edits, objects = planned(client, 1)
    client.patch(VIRTUAL_SERVICE, "default", "ingress", {"metadata": {"labels": {"somebody": "else"}}})
    with pytest.raises(ApiError) as raised:
        carry_out(client, edits, objects, "shift app green=1")
    assert raised.value.status == 409
    assert weights(client) == [[0, 100], [0, 100]]


def test_a_step_is_remembered_with_what_was_before_and_after(client: Client, steps: list[dict[str, Any]]) -> None:
    carry_out(client, *planned(client, 5), "shift app green=5")
    (step,) = steps
    assert step["command"] == "shift app green=5"
    assert [obj["name"] for obj in step["objects"]] == list(NAMES)
    assert step["objects"][0]["before"]["http"][0]["route"][0]["weight"] == 0
    assert step["objects"][0]["after"]["http"][0]["route"][0]["weight"] == 5


def test_undo_restores_what_was_before(client: Client, steps: list[dict[str, Any]]) -> None:
    carry_out(client, *planned(client, 5), "shift app green=5")
    restore(client, steps[0]["objects"])
    assert weights(client) == [[0, 100], [0, 100]]


def test_undo_restores_what_a_split_stuck_to(client: Client, steps: list[dict[str, Any]]) -> None:
    carry_out(client, *stuck(client, "header:x-user", 50), "rollout: weight 50 %")
    carry_out(client, *stuck(client, "request", 50), "rollout: another")
    carry_out(client, *stuck(client, "request", 100), "rollout: back")
    seen = [stickies(client)]
    for step in reversed(steps):
        restore(client, step["objects"])
        seen.append(stickies(client))
    assert seen == [[None] * 2, ["request"] * 2, ["header:x-user"] * 2, [None] * 2]
    assert weights(client) == [[0, 100], [0, 100]]


def test_undo_does_not_overwrite_what_somebody_else_lets_a_split_stick_to(
    client: Client, steps: list[dict[str, Any]]
) -> None:
    carry_out(client, *stuck(client, "header:x-user", 50), "rollout: weight 50 %")
    patch = {"metadata": {"annotations": {ANNOTATION: "request"}}}
    client.patch(VIRTUAL_SERVICE, "default", "ingress", patch)
    with pytest.raises(TurnoutError, match="has changed since"):
        restore(client, steps[0]["objects"])
    assert stickies(client) == ["header:x-user", "request"]


def test_undo_of_weights_leaves_what_a_split_sticks_to(client: Client, steps: list[dict[str, Any]]) -> None:
    carry_out(client, *planned(client, 5), "shift app green=5")
    patch = {"metadata": {"annotations": {ANNOTATION: "request"}}}
    client.patch(VIRTUAL_SERVICE, "default", "ingress", patch)
    restore(client, steps[0]["objects"])
    assert stickies(client) == [None, "request"]


def test_undo_does_not_overwrite_what_somebody_changed_since(client: Client, steps: list[dict[str, Any]]) -> None:
    carry_out(client, *planned(client, 5), "shift app green=5")
    carry_out(client, *planned(client, 7), "shift app green=7")
    with pytest.raises(TurnoutError, match="has changed since"):
        restore(client, steps[0]["objects"])
    assert weights(client) == [[7, 93], [7, 93]]


def test_a_change_that_changes_nothing_is_not_remembered(client: Client, steps: list[dict[str, Any]]) -> None:
    edits, objects = planned(client, 0)
    for obj in objects:
        client.patch(VIRTUAL_SERVICE, "default", obj["metadata"]["name"], {"spec": {"exportTo": ["."]}})
    edits, objects = planned(client, 0)
    assert carry_out(client, edits, objects, "shift app green=0").acknowledged
    assert steps == []


def test_a_change_that_envoy_rejects_is_remembered_so_that_it_can_be_undone(
    client: Client, envoy: Envoy, steps: list[dict[str, Any]]
) -> None:
    envoy.verdict = "False"
    with pytest.raises(TurnoutError, match="rejected"):
        carry_out(client, *planned(client, 5), "shift app green=5")
    assert [step["command"] for step in steps] == ["shift app green=5"]
    envoy.verdict = "True"
    restore(client, steps[0]["objects"])
    assert weights(client) == [[0, 100], [0, 100]]


def shifted(objects: list[dict[str, Any]], green: int) -> list[Edit]:
    edits = shift(objects, HOST, {"green": Decimal(green)})
    assert not isinstance(edits, Refusal)
    return edits


def test_who_is_overtaken_plans_again_from_what_is_there_now(client: Client) -> None:
    plans = 0

    def plan(objects: list[dict[str, Any]]) -> list[Edit]:
        nonlocal plans
        plans += 1
        edits = shifted(objects, plans)
        if plans < 3:  # somebody else writes between the reading and the patch
            for name in NAMES:
                client.patch(VIRTUAL_SERVICE, "default", name, {"metadata": {"labels": {"by": str(plans)}}})
        return edits

    done = attempt(client, plan, "shift app green=3")

    assert (plans, done.outcome.acknowledged, len(done.edits)) == (3, True, len(NAMES))
    assert weights(client) == [[3, 97], [3, 97]]
    assert {obj["metadata"]["labels"]["by"] for obj in done.before} == {"2"}


def test_who_is_refused_for_what_he_writes_is_refused_once(client: Client) -> None:
    plans = 0

    def plan(objects: list[dict[str, Any]]) -> list[Edit]:
        nonlocal plans
        plans += 1
        return [Edit("default", NAMES[0], [{"op": "add", "path": "/spec/error", "value": "no"}])]

    with pytest.raises(ApiError):
        attempt(client, plan, "nonsense")
    assert plans == 1
