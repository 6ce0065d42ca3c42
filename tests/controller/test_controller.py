from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.controller.authorising import Rights
from tests.controller.mesh import Mesh, mesh
from tests.rollout.service_site import rollout, virtual_service

from turnout.controller.install import Choices, objects
from turnout.error import EvidenceFailed
from turnout.resources.kinds import CONFIG_MAP, LEASE, VIRTUAL_SERVICE

STEPS = ({"weight": 20}, {"weight": 50})


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Mesh]:
    with mesh(tmp_path) as found:
        yield found


def granted(choices: Choices) -> Rights:
    """What `turnout install` prints for these choices."""
    found: dict[str, Any] = {obj["kind"]: obj.get("rules", ()) for obj in objects(choices)}
    return Rights(choices.namespace, found["Role"], found.get("ClusterRole", ()))


@pytest.mark.parametrize(
    ("choices", "order"),
    [
        (Choices("default"), {}),
        (Choices("default", in_config_maps=True), {"in_config_maps": True}),
        (Choices("default", everywhere=True), {"namespace": ""}),
    ],
    ids=["one namespace", "in ConfigMaps", "all namespaces"],
)
def test_the_rights_that_are_installed_suffice_and_each_is_used(
    scene: Mesh, choices: Choices, order: dict[str, Any]
) -> None:
    rights = granted(choices)
    controller = scene.controller(rights=rights, **order)
    shelf = scene.shelf(in_config_maps=choices.in_config_maps)
    shelf.create(rollout(*STEPS))
    scene.tick(controller)
    shelf.annotate("default", "app-v2", {"turnout.dev/order": "pause a"})
    scene.until(shelf, "paused", controller)
    shelf.annotate("default", "app-v2", {"turnout.dev/order": "resume b"})
    status = scene.until(shelf, "finished", controller)

    assert scene.weights == (0, 100)
    assert [event["what"] for event in status["events"]][:3] == ["start", "step", "order"]
    assert rights.refused == []
    assert rights.used == rights.granted


def test_a_candidate_that_prometheus_shows_to_fail_goes_back(scene: Mesh) -> None:
    scene.bad["v2"] = 0.5
    shelf = scene.shelf()
    shelf.create(rollout(*STEPS))
    status = scene.until(shelf, "aborted", scene.controller())

    assert scene.weights == (100, 0)
    assert "errors: worse" in status["why"]
    assert "acknowledged" not in status["lastChange"], "nobody tells when the proxies have it"


def test_of_two_controllers_one_acts_and_the_other_goes_on_where_that_was_killed(scene: Mesh) -> None:
    one, other = scene.controller("one"), scene.controller("other")
    shelf = scene.shelf()
    shelf.create(rollout({"weight": 20}, {"weight": 50, "minTime": "30s"}))
    while scene.weights != (50, 50):
        scene.tick(one, other)
    for _ in range(10):
        scene.tick(one, other)
    for _ in range(12):
        scene.tick(other)
    before = shelf.get("default", "app-v2")["status"]["countedSeconds"]
    assert scene.client.get(LEASE, "default", "turnout-controller")["spec"]["holderIdentity"] == "one"
    status = scene.until(shelf, "finished", other)

    assert scene.client.get(LEASE, "default", "turnout-controller")["spec"]["holderIdentity"] == "other"
    assert status["step"] == 2
    assert 0 < before < 30
    told = [event["what"] for event in status["events"]]
    assert told.count("start") == 1
    assert told.count("step") == 3


def test_while_the_api_is_away_it_says_so_once_and_goes_on_where_it_was(scene: Mesh) -> None:
    rights = granted(Choices("default"))
    controller, shelf = scene.controller(rights=rights), scene.shelf()
    shelf.create(rollout({"weight": 20}, {"weight": 50}))
    while scene.weights != (80, 20):
        scene.tick(controller)
    rights.down = True
    for _ in range(30):
        scene.tick(controller)
    assert not controller.stand(), "who cannot renew does not lead"
    assert len(scene.said) == len(set(scene.said)) == 2, scene.said
    rights.down = False
    status = scene.until(shelf, "finished", controller)
    assert [event["what"] for event in status["events"]].count("step") == 3


def test_a_prometheus_that_is_away_stops_nothing_but_what_needs_it(scene: Mesh) -> None:
    controller, shelf = scene.controller(), scene.shelf()
    shelf.create(rollout({"weight": 20}, {"weight": 50}))
    while scene.weights != (80, 20):
        scene.tick(controller)
    ask, controller._ask = controller._ask, _away
    for _ in range(10):
        scene.tick(controller)
    status = shelf.get("default", "app-v2")["status"]
    assert (status["phase"], scene.weights) == ("running", (80, 20))
    assert "cannot ask Prometheus" in status["why"]
    shelf.annotate("default", "app-v2", {"turnout.dev/order": "pause a"})
    scene.until(shelf, "paused", controller)
    controller._ask = ask
    shelf.annotate("default", "app-v2", {"turnout.dev/order": "resume b"})
    scene.until(shelf, "finished", controller)


def _away(promql: str, at: float | None = None) -> Any:
    raise EvidenceFailed("cannot ask Prometheus at http://prometheus:9090")


def test_a_controller_that_slept_through_its_look_writes_nothing_of_what_it_knew(scene: Mesh) -> None:
    one, other = scene.controller("one"), scene.controller("other")
    shelf = scene.shelf()
    shelf.create(rollout({"weight": 20}, {"weight": 50}))
    scene.until(shelf, "running", one)
    before = shelf.get("default", "app-v2")
    ask = scene.ask

    def asleep(promql: str, at: float | None = None) -> Any:
        """While it asks Prometheus, its machine sleeps, and another controller takes over."""
        for _ in range(20):
            scene.seconds += 1.0
            other.stand()
        return ask(promql, at)

    one._ask = asleep
    scene.seconds += 1.0
    one.round()
    assert scene.client.get(LEASE, "default", "turnout-controller")["spec"]["holderIdentity"] == "other"
    assert shelf.get("default", "app-v2") == before
    assert any("another controller may act by now" in said for said in scene.said)
    scene.until(shelf, "finished", one, other)


def test_a_controller_for_all_namespaces_leaves_those_alone_that_have_their_own(scene: Mesh) -> None:
    everywhere, own = scene.controller("everywhere", namespace=""), scene.controller("own")
    own.stand()
    shelf = scene.shelf()
    shelf.create(rollout(*STEPS))
    for _ in range(10):
        own.stand()
        scene.tick(everywhere)
    assert "status" not in shelf.get("default", "app-v2")
    own.close()
    scene.until(shelf, "finished", everywhere)


def test_a_repository_that_is_applied_again_pauses_it_and_is_named(scene: Mesh) -> None:
    controller, shelf = scene.controller(), scene.shelf()
    shelf.create(rollout(*STEPS))
    while scene.weights != (80, 20):
        scene.tick(controller)
    live = scene.client.get(VIRTUAL_SERVICE, "default", "app")
    spec = virtual_service(100, 0)["spec"]
    scene.client.replace(VIRTUAL_SERVICE, {**live, "spec": spec})
    status = scene.until(shelf, "paused", controller)

    assert "v2 has 0 %; last by " in status["why"]
    assert scene.weights == (100, 0)
    for _ in range(5):
        scene.tick(controller)
    assert scene.weights == (100, 0), "until somebody says so"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"steps": [{"compare": {}}], "guards": [{"regressions": {}}]}, "Istio's proxies are not tapped"),
        ({"sticky": "header:x-user"}, "Istio draws the version anew"),
        ({"maxUserImpact": 5}, "not among Istio's metrics"),
        ({"route": "main"}, "do not tell one route from another"),
        ({"hooks": [{"exec": ["true"]}]}, "with the controller's rights"),
        ({"hooks": [{"webhook": {"url": "http://x/", "secretFile": "key"}}]}, "the controller's own files"),
    ],
)
def test_what_a_cluster_cannot_do_is_refused_with_the_reason(scene: Mesh, spec: dict[str, Any], words: str) -> None:
    shelf = scene.shelf()
    shelf.create({**(obj := rollout(*STEPS)), "spec": {**obj["spec"], **spec}})
    status = scene.until(shelf, "refused", scene.controller())

    assert words in status["why"]
    assert scene.weights == (100, 0)


def test_a_spec_in_a_config_map_that_makes_no_sense_is_refused(scene: Mesh) -> None:
    shelf = scene.shelf(in_config_maps=True)
    metadata = {"name": "app-v2", "namespace": "default", "labels": {"turnout.dev/rollout": "spec"}}
    scene.client.create(CONFIG_MAP, {"metadata": metadata, "data": {"spec": "service: app\nsteps: [{weight: 200}]"}})
    status = scene.until(shelf, "refused", scene.controller(in_config_maps=True))

    assert "`from` is missing" in status["why"]
