"""What runs, as objects: what is reported of pods, Deployments and Services, and what comes of somebody's tampering."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from turnout.apiserver.store import OBJECTS, Patch, Store
from turnout.control.reported import replica_set
from turnout.control.reported.events import MAX_EVENTS, EventLog
from turnout.control.reported.report import Report
from turnout.database import Database
from turnout.resources.interpret import interpret
from turnout.resources.kinds import (
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    ENDPOINTS,
    EVENT,
    POD,
    REPLICA_SET,
    SERVICE,
    Kind,
)
from turnout.workloads.status import PodStatus
from turnout.workloads.workload import Workload

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LABELS = {"app": "a"}
RUNNING = PodStatus(
    "a-xxxxx",
    "default",
    "a",
    LABELS,
    ports={8080: 31000},
    pid=7,
    phase="running",
    ready=True,
    started_at=0.0,
    template_hash="now",
)


def deployment(image: str = "a:1", **spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": image, "ports": [{"containerPort": 8080, "name": "http"}]}
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}}
    whole = {"selector": {"matchLabels": LABELS}, "template": template, **spec}
    return {"metadata": {"name": "a", "annotations": {"turnout.dev/source": "f"}}, "spec": whole}


class Scene:
    """A store, pods that can be set, and the report."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.running: tuple[PodStatus, ...] = ()
        self.retired: list[tuple[str, str, str]] = []
        self.report = Report(store, self, self, lambda deployment: 0, lambda: NOW)  # type: ignore[arg-type] # of Mishaps
        store.subscribe(lambda event: None if self.report.writing or event.status_only else self.report.seen(event))

    def pods(self) -> tuple[PodStatus, ...]:
        return self.running

    def retire(self, namespace: str, workload: str, pod: str) -> None:
        self.retired.append((namespace, workload, pod))

    def recording(self) -> Any:
        return nullcontext()

    def told(self, *pods: PodStatus) -> None:
        self.running = pods
        self.report.write([Workload("default", "a", LABELS)] if self.one(DEPLOYMENT) else [])

    def names(self, kind: Kind) -> list[str]:
        return [obj["metadata"]["name"] for obj in self.store.list(kind)]

    def one(self, kind: Kind) -> Mapping[str, Any] | None:
        return next(iter(self.store.list(kind)), None)

    def revisions(self) -> dict[str, int]:
        """By image."""
        found = self.store.list(REPLICA_SET)
        return {one["spec"]["template"]["spec"]["containers"][0]["image"]: replica_set.revision(one) for one in found}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with closing(Database(tmp_path / "state.db", [OBJECTS])) as database:
        yield Scene(Store(database, admit=lambda obj: interpret(obj).problems, now=lambda: NOW))


def test_a_pod_is_told_of_from_its_start_to_its_end(scene: Scene) -> None:
    scene.store.create(DEPLOYMENT, deployment())
    scene.told(replace(RUNNING, pid=None, ready=False, phase="pending", ports={}, started_at=None))
    pod = scene.one(POD)
    assert pod is not None
    assert (pod["status"]["phase"], pod["spec"]["containers"][0]["image"]) == ("Pending", "a:1")
    assert [owner["kind"] for owner in pod["metadata"]["ownerReferences"]] == ["ReplicaSet"]
    scene.told(RUNNING)
    pod = scene.one(POD)
    assert pod is not None
    ready = {each["type"]: each["status"] for each in pod["status"]["conditions"]}
    assert (pod["status"]["phase"], ready["Ready"]) == ("Running", "True")
    assert pod["metadata"]["annotations"]["turnout.dev/pid"] == "7"
    scene.told(replace(RUNNING, draining=True))
    pod = scene.one(POD)
    assert pod is not None
    assert "deletionTimestamp" in pod["metadata"]
    scene.told()
    assert scene.names(POD) == []
    assert {event["reason"] for event in scene.store.list(EVENT)} == {"Started", "Ready", "Killing"}


def test_a_crash_is_told_as_kubernetes_tells_it(scene: Scene) -> None:
    scene.store.create(DEPLOYMENT, deployment())
    scene.told(replace(RUNNING, pid=None, ready=False, phase="crash-loop", message="exit status 1", restarts=2))
    pod = scene.one(POD)
    assert pod is not None
    (container,) = pod["status"]["containerStatuses"]
    assert container["state"]["waiting"] == {"reason": "CrashLoopBackOff", "message": "exit status 1"}
    assert container["restartCount"] == 2
    assert [(event["type"], event["reason"]) for event in scene.store.list(EVENT)] == [("Warning", "BackOff")]


def test_each_template_is_a_revision_and_one_that_comes_back_the_newest(scene: Scene) -> None:
    made = scene.store.create(DEPLOYMENT, deployment("a:1"))
    scene.told(RUNNING)
    for image in ("a:2", "a:1"):
        container: dict[str, Any] = {
            "name": "main",
            "image": image,
            "resources": {},
        }  # Go's clients write empty fields out
        ports = {"ports": [{"containerPort": 8080, "name": "http"}]}
        patch = {"spec": {"template": {"spec": {"containers": [{**container, **ports}]}}}}
        scene.store.patch(DEPLOYMENT, "default", "a", Patch("merge", patch))
        scene.told(RUNNING)
    assert scene.revisions() == {"a:1": 3, "a:2": 2}
    live = scene.store.get(DEPLOYMENT, "default", "a")
    assert live is not None
    assert live["metadata"]["annotations"][replica_set.REVISION] == "3"
    assert live["metadata"]["generation"] == made["metadata"]["generation"] + 2, "a revision is no change of the spec"


def test_old_revisions_are_forgotten_and_their_notes_follow_the_deployment(scene: Scene) -> None:
    scene.store.create(DEPLOYMENT, deployment("a:0"))
    for number in range(15):
        live = scene.store.get(DEPLOYMENT, "default", "a")
        assert live is not None
        live["metadata"]["annotations"]["turnout.dev/source"] = f"file {number}"
        live["spec"]["template"]["spec"]["containers"][0]["image"] = f"a:{number}"
        scene.store.replace(DEPLOYMENT, live)
        scene.told()
    assert sorted(scene.revisions().values()) == list(range(5, 16))
    sources = {one["metadata"]["annotations"]["turnout.dev/source"] for one in scene.store.list(REPLICA_SET)}
    assert sources == {"file 14"}


@pytest.mark.parametrize(
    ("pods", "updated", "available"),
    [
        ([RUNNING], 0, 1),
        ([replace(RUNNING, template_hash="x")], 1, 1),
        ([replace(RUNNING, template_hash="x", ready=False)], 1, 0),
    ],
)
def test_a_rollout_is_over_when_new_pods_are_ready_and_old_ones_gone(
    scene: Scene, pods: Sequence[PodStatus], updated: int, available: int
) -> None:
    scene.store.create(DEPLOYMENT, deployment())
    wanted = Workload("default", "a", LABELS)
    scene.told(*(replace(pod, template_hash=wanted.template_hash) if pod.template_hash == "x" else pod for pod in pods))
    live = scene.one(DEPLOYMENT)
    assert live is not None
    status = live["status"]
    assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (1, updated, available)
    assert status["observedGeneration"] == live["metadata"]["generation"]


def test_endpoints_are_the_pods_in_service(scene: Scene) -> None:
    scene.store.create(DEPLOYMENT, deployment())
    ports = [{"port": 80, "targetPort": "http", "name": "web"}]
    scene.store.create(SERVICE, {"metadata": {"name": "s"}, "spec": {"selector": LABELS, "ports": ports}})
    scene.told(RUNNING, replace(RUNNING, name="a-yyyyy", ready=False), replace(RUNNING, name="a-zzzzz", draining=True))
    found = scene.one(ENDPOINTS)
    assert found is not None
    assert [subset["ports"] for subset in found["subsets"]] == [[{"name": "web", "port": 31000, "protocol": "TCP"}]]
    assert scene.names(ENDPOINT_SLICE) == ["s-a-xxxxx"]
    scene.told()
    assert scene.names(ENDPOINT_SLICE) == []
    scene.store.delete(SERVICE, "default", "s")
    scene.told()
    assert scene.names(ENDPOINTS) == []


def test_nothing_is_written_where_nothing_has_changed(scene: Scene) -> None:
    scene.store.create(DEPLOYMENT, deployment())
    scene.told(RUNNING)
    revision = scene.store.revision
    scene.told(RUNNING)
    assert scene.store.revision == revision


def test_whoever_deletes_a_pod_gets_another_and_whoever_tampers_is_set_right(scene: Scene) -> None:
    scene.store.create(DEPLOYMENT, deployment())
    scene.told(RUNNING)
    scene.store.delete(REPLICA_SET, "default", scene.names(REPLICA_SET)[0])
    scene.told(RUNNING)
    assert len(scene.names(REPLICA_SET)) == 1
    assert scene.retired == [("default", "a", "a-xxxxx")], "the pod went with its ReplicaSet"
    scene.told(replace(RUNNING, draining=True))
    scene.told()
    assert scene.names(POD) == []


def test_a_deployment_takes_its_objects_along(scene: Scene) -> None:
    scene.store.create(DEPLOYMENT, deployment())
    scene.told(RUNNING)
    scene.store.delete(DEPLOYMENT, "default", "a")
    scene.told(replace(RUNNING, draining=True))
    assert (scene.names(REPLICA_SET), scene.names(POD)) == ([], ["a-xxxxx"])
    scene.told()
    assert scene.names(POD) == []


def test_kinds_that_are_built_in_have_their_definitions_unless_somebody_brings_their_own(scene: Scene) -> None:
    own = {"metadata": {"name": "virtualservices.networking.istio.io"}, "spec": {"group": "mine"}}
    scene.store.create(CUSTOM_RESOURCE_DEFINITION, own)
    scene.told()
    found = {obj["metadata"]["name"]: obj for obj in scene.store.list(CUSTOM_RESOURCE_DEFINITION)}
    assert {
        "gateways.networking.istio.io",
        "gateways.gateway.networking.k8s.io",
        "rollouts.turnout.dev",
    } <= found.keys()
    assert found["virtualservices.networking.istio.io"]["spec"] == {"group": "mine"}
    assert "deployments.apps" not in found
    stored = [
        each["name"] for each in found["httproutes.gateway.networking.k8s.io"]["spec"]["versions"] if each["storage"]
    ]
    assert stored == ["v1"]


def test_events_are_counted_and_bounded(scene: Scene) -> None:
    involved = scene.store.create(DEPLOYMENT, deployment())
    log = EventLog(scene.store, lambda: NOW)
    log.tell(involved, ("Normal", "Again", "the same"))
    log.tell(involved, ("Normal", "Again", "the same"))
    (event,) = scene.store.list(EVENT)
    assert event["count"] == 2
    for number in range(MAX_EVENTS + 50):
        log.tell(involved, ("Normal", "Other", str(number)))
    assert len(scene.store.list(EVENT)) <= MAX_EVENTS


async def test_many_workloads_are_told_of_bit_by_bit(scene: Scene) -> None:
    """So that nobody else has to wait for all of them."""
    names = [f"d{number}" for number in range(35)]
    for name in names:
        scene.store.create(DEPLOYMENT, {**deployment(), "metadata": {"name": name}})
        scene.store.create(SERVICE, {"metadata": {"name": name}, "spec": {"selector": LABELS, "ports": [{"port": 80}]}})
    scene.running = tuple(replace(RUNNING, name=f"{name}-xxxxx", workload=name) for name in names)
    scene.report.write([Workload("default", name, LABELS) for name in names])
    assert 0 < len(scene.names(POD)) < len(names)
    async with asyncio.timeout(20):
        while len(scene.names(ENDPOINTS)) < len(names):  # noqa: ASYNC110 - the loop itself is what goes on
            await asyncio.sleep(0)
    assert len(scene.names(POD)) == len(scene.names(REPLICA_SET)) == len(names)
    (found, *_) = scene.store.list(ENDPOINTS)
    assert len(found["subsets"]) == len(names)
