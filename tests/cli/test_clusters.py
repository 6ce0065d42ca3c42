"""What commands say of a cluster where something is missing: rights, a Prometheus, or sense."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.apiserver.samples import TOKEN, serving
from tests.controller.authorising import Rights, authorising

from turnout.apiserver import kubeconfig
from turnout.cli import root
from turnout.error import TurnoutError
from turnout.resources.kinds import VIRTUAL_SERVICE

ISTIO = "networking.istio.io"


def virtual_service() -> dict[str, Any]:
    choices = [{"destination": {"host": "app", "subset": v}, "weight": w} for v, w in (("v1", 100), ("v2", 0))]
    meta = {"name": "app", "namespace": "default"}
    return {"metadata": meta, "spec": {"hosts": ["app"], "http": [{"name": "main", "route": choices}]}}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Of somebody who may do what is needed in the namespace `default`, and nothing elsewhere."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    own = [{"apiGroups": [ISTIO], "resources": ["virtualservices"], "verbs": ["get", "list", "patch"]}]
    with serving(tmp_path / "state.db", {}) as server, authorising(server.port, Rights("default", own)) as port:
        server.do(lambda store: store.create(VIRTUAL_SERVICE, virtual_service()))
        path = tmp_path / "config"
        kubeconfig.write(path, f"http://127.0.0.1:{port}", TOKEN)
        yield path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(root, arguments)


def test_with_rights_in_one_namespace_its_weights_are_shifted_and_others_are_named(config: Path) -> None:
    done = run("shift", "app", "v2=10", "--kubeconfig", str(config))

    assert done.exit_code == 0, done.exception
    assert "default/app main: v1 100 → 90, v2 0 → 10" in done.stdout
    assert "accepted in" in done.stdout
    assert "VirtualServices of other namespaces may not be read" in done.stderr
    assert "undone: shift app v2=10" in run("undo", "--kubeconfig", str(config)).stdout


def test_what_may_not_be_read_is_said_in_the_status(config: Path) -> None:
    done = run("status", "--kubeconfig", str(config))

    assert "Service, Pod, Deployment" in done.stdout
    assert "may not be read [TNO421]" in done.stdout


def test_nothing_to_undo_is_said(config: Path) -> None:
    assert "there is nothing to undo" in str(run("undo", "--kubeconfig", str(config)).exception)


@pytest.mark.parametrize("command", [["compare", "app"], ["logs"], ["traces"]], ids=lambda c: c[0])
def test_what_needs_an_instance_says_so_and_what_to_do_instead(command: list[str]) -> None:
    done = run(*command, "--context", "prod")

    assert isinstance(done.exception, TurnoutError)
    assert "not on a cluster: " in done.exception.message
    assert done.exception.hint


def test_a_command_is_for_an_instance_or_for_a_cluster(tmp_path: Path) -> None:
    done = run("status", "--state", str(tmp_path), "--context", "prod")

    assert done.exit_code == 2
    assert "give either --state, or --kubeconfig and --context" in done.stderr


def test_a_place_of_prometheus_that_is_none_is_said(config: Path) -> None:
    done = run("graph", "--kubeconfig", str(config), "--prometheus", "nonsense")

    assert "neither a URL nor namespace/service:port" in str(done.exception)
