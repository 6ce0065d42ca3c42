"""`turnout rollout` on a cluster that may not get a new kind: all of it goes by ConfigMaps."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.apiserver.samples import TOKEN
from tests.controller.authorising import Rights, authorising
from tests.controller.mesh import Mesh, mesh

from turnout.apiserver import kubeconfig
from turnout.cli import root
from turnout.cli.rollout import follow
from turnout.controller.controller import Controller

ALL = {"apiGroups": ["", "apps", "networking.istio.io", "gateway.networking.k8s.io", "coordination.k8s.io"]}
EVERYTHING = {
    **ALL,
    "resources": ["configmaps", "services", "pods", "namespaces", "virtualservices", "destinationrules", "deployments"],
    "verbs": ["get", "list", "create", "patch", "delete"],
}


class Commands:
    """A user's, through an API that knows no Rollout."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(root, ["rollout", *arguments, "--kubeconfig", str(self._path)])


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Mesh]:
    with mesh(tmp_path) as found:
        yield found


@pytest.fixture
def turnout(scene: Mesh, tmp_path: Path) -> Iterator[Commands]:
    rights = Rights("default", (), (EVERYTHING,), unknown="turnout.dev")
    with authorising(scene.port, rights) as port:
        path = tmp_path / "as-a-user"
        kubeconfig.write(path, f"http://127.0.0.1:{port}", TOKEN)
        yield Commands(path)


@contextmanager
def working(scene: Mesh, controller: Controller) -> Iterator[None]:
    """A second after the other, while the commands wait."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            scene.tick(controller)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_every_command_goes_by_config_maps(scene: Mesh, turnout: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "LOOK_SECONDS", 0.01)
    with working(scene, scene.controller(in_config_maps=True)):
        started = turnout("start", "app", "--to", "v2", "--steps", "50,pause", "--guard", "errors:5", "--no-follow")
        assert started.exit_code == 0, started.output
        assert "begun: turnout rollout status app-v2" in started.output
        assert "app-v2: paused" in turnout("pause").output
        assert "app-v2: running" in turnout("resume").output
        assert "app-v2" in turnout("status").output
        promoted = turnout("promote", "app-v2")
        assert promoted.exit_code == 0, promoted.output
        assert turnout("status", "--watch").exit_code != 2
    [listed] = json.loads(turnout("history", "--json").output)
    assert (listed["name"], "engine" in listed["status"]) == ("app-v2", False)
    events = json.loads(turnout("history", "app-v2", "--json").output)["events"]
    assert [event["what"] for event in events][:2] == ["start", "step"]


def test_what_a_cluster_cannot_do_is_said_before_anything_is_written(scene: Mesh, turnout: Commands) -> None:
    done = turnout("start", "app", "--to", "v2", "--steps", "compare,50")
    assert "Istio's proxies are not tapped" in str(done.exception)
    assert scene.shelf(in_config_maps=True).list() == []


def test_without_a_controller_it_is_told_what_is_missing(
    scene: Mesh, turnout: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turnout.cli.rollout.start.BEGUN_SECONDS", 0.0)
    done = turnout("start", "app", "--to", "v2")
    assert getattr(done.exception, "hint", "") == "is `turnout controller` running there?"
