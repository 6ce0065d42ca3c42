"""`turnout install` and `turnout controller`, as far as they get without Istio."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.apiserver.samples import TOKEN, Served, serving

from turnout.apiserver import kubeconfig
from turnout.cli import root
from turnout.client import Client
from turnout.client.kubeconfig import VARIABLE, Access, User
from turnout.client.state import read_address
from turnout.controller.controller import Controller
from turnout.controller.install import Choices, objects
from turnout.error import TurnoutError
from turnout.resources.kinds import CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, ROLE

PROJECT = Path(__file__).parents[2]


class Cluster:
    """An API that knows the namespace `default`."""

    def __init__(self, served: Served, folder: Path) -> None:
        self.path = folder / "kubeconfig"
        self.folder = folder
        kubeconfig.write(self.path, f"http://127.0.0.1:{served.port}", TOKEN)

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(root, [*arguments, "--kubeconfig", str(self.path)])


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with serving(tmp_path / "state.db", {}) as served:
        yield Cluster(served, tmp_path)


def test_what_is_installed_is_there_and_a_second_time_brings_it_up_to_date(cluster: Cluster) -> None:
    done = cluster.run("install", "--image", "registry.example/turnout:1")
    assert done.exit_code == 0, done.output
    assert done.output.splitlines() == [
        "customresourcedefinitions/rollouts.turnout.dev created",
        "serviceaccounts/turnout-controller created",
        "roles/turnout-controller created",
        "rolebindings/turnout-controller created",
        "deployments/turnout-controller created",
    ]
    again = cluster.run("install", "--image", "registry.example/turnout:2")
    assert again.exit_code == 0, again.output
    assert {line.rpartition(" ")[2] for line in again.output.splitlines()} == {"configured"}
    with Client.from_state(cluster.folder) as client:
        [container] = client.get(DEPLOYMENT, "default", "turnout-controller")["spec"]["template"]["spec"]["containers"]
        assert container["image"] == "registry.example/turnout:2"
        assert client.get(ROLE, "default", "turnout-controller")["rules"]
        assert client.get(CUSTOM_RESOURCE_DEFINITION, "", "rollouts.turnout.dev")


def test_a_dry_run_prints_what_kubectl_applies_and_asks_nobody() -> None:
    done = CliRunner().invoke(root, ["install", "-n", "shop", "-A", "--config-maps", "--dry-run"])
    assert done.exit_code == 0, done.output
    printed = objects(Choices("shop", everywhere=True, in_config_maps=True))
    assert list(yaml.safe_load_all(done.output)) == printed
    assert "CustomResourceDefinition" not in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--every", "soon"), "'soon' is no time from 1s to 5m"),
        (("--every", "10m"), "'10m' is no time from 1s to 5m"),
        (("-n", "shop", "-A"), "either --namespace or --all-namespaces"),
    ],
)
def test_wrong_usage_is_said_to_be_wrong(cluster: Cluster, arguments: tuple[str, ...], words: str) -> None:
    done = cluster.run("controller", *arguments)
    assert done.exit_code == 2
    assert words in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "there is no Prometheus in istio-system"),
        (("--prometheus", "nowhere"), "neither a URL nor namespace/service:port"),
    ],
)
def test_a_controller_without_anybody_who_counts_does_not_begin(
    cluster: Cluster, arguments: tuple[str, ...], words: str
) -> None:
    done = cluster.run("controller", *arguments)
    assert isinstance(done.exception, TurnoutError)
    assert words in done.exception.message


def test_a_controller_without_a_cluster_says_how_to_name_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none"))
    done = CliRunner().invoke(root, ["controller"])
    assert isinstance(done.exception, TurnoutError)
    assert done.exception.message == "there is no kubeconfig"


def test_in_a_pod_it_is_the_pods_own_cluster_and_namespace(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """As which service account it gets in is told by the tests of kubeconfigs."""
    address = read_address(cluster.folder)
    server = f"http://127.0.0.1:{address.port}"
    pod = Access("the cluster of this pod", server, "shop", User(token=address.token))
    monkeypatch.setattr("turnout.client.kubeconfig.in_cluster", lambda: pod)
    monkeypatch.setattr(Controller, "run", lambda self, stop: self.close())
    done = CliRunner().invoke(root, ["controller"])
    assert done.exit_code == 0, done.output
    assert "rollouts of namespace shop in the cluster of this pod" in done.stderr
    assert "on evidence of http://prometheus.istio-system:9090" in done.stderr


def test_the_image_has_all_that_the_controller_imports() -> None:
    """What pip installs there, by the modules that those distributions bring."""
    dockerfile = (PROJECT / "Dockerfile").read_text()
    assert "constraints.txt click PyYAML cryptography" in dockerfile
    brought = {"click", "yaml", "_yaml", "cryptography", "_cffi_backend", "cffi"}
    code = (
        "import sys, turnout.cli.controller, turnout.controller.controller, turnout.client.remote\n"
        "import turnout.evidence.finding, turnout.resources.interpret\n"
        "from turnout.rollout import intent\n"
        "obj = {'apiVersion': 'turnout.dev/v1alpha1', 'kind': 'Rollout', 'metadata': {'name': 'x', 'namespace': 'y'},"
        " 'spec': {'service': 'a', 'from': 'b', 'to': 'c', 'steps': [{'weight': 5}]}}\n"
        "assert not isinstance(intent.of(obj), list)\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = {name for name in ast.literal_eval(done.stdout) if name not in sys.stdlib_module_names}
    ours = {name for name in imported if not name.startswith(("__", "_distutils", "_virtualenv", "sitecustomize"))}

    assert ours <= brought | {"turnout", "cython_runtime"} | {name for name in ours if name.startswith("_cython")}
