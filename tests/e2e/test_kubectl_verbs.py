"""Every verb of a real kubectl, against what `turnout up` serves: each does what it does on a cluster."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.kubectl import Kubectl
from tests.e2e.manifests import deployment, document, split, virtual_service
from tests.e2e.site import Site, until

pytestmark = pytest.mark.e2e

WEIGHTS = "jsonpath={.spec.http[0].route[*].weight}"


@pytest.fixture(scope="module")
def kubectl() -> Iterator[Kubectl]:
    """Beside a site that runs, and that the tests of this module share."""
    site = Site(Path(tempfile.mkdtemp(prefix="tno-")).resolve())
    try:
        site.lay_out()
        site.up()
        yield Kubectl(site)
    finally:
        try:
            site.close()
        finally:
            shutil.rmtree(site.folder, ignore_errors=True)


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def routed(version: str) -> str:
    """The site's route, all to one version."""
    return document(virtual_service(split({"v1": 100 * (version == "v1"), "v2": 100 * (version == "v2")})))


# --- reading


def test_get_shows_each_kind_with_its_columns(kubectl: Kubectl) -> None:
    heads = {
        "pods": "NAME READY STATUS RESTARTS AGE",
        "deployments": "NAME READY UP-TO-DATE AVAILABLE AGE",
        "replicasets": "NAME DESIRED CURRENT READY AGE",
        "services": "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE",
        "endpoints": "NAME ENDPOINTS AGE",
        "endpointslices": "NAME ADDRESSTYPE PORTS ENDPOINTS AGE",
        "events": "LAST SEEN TYPE REASON OBJECT MESSAGE",
        "namespaces": "NAME STATUS AGE",
        "virtualservices": "NAME GATEWAYS HOSTS AGE",
        "destinationrules": "NAME HOST AGE",
    }
    for plural, head in heads.items():
        assert lines(kubectl("get", plural))[0] == head.split(), plural
    pods = lines(kubectl("get", "po", "-o", "wide"))
    assert [row[1:4] for row in pods[1:]] == [["1/1", "Running", "0"], ["1/1", "Running", "0"]]
    assert pods[0][5:7] == ["IP", "NODE"]
    every = kubectl("get", "all")
    assert all(f"{name}/app" in every for name in ("pod", "service", "deployment.apps", "replicaset.apps"))
    assert lines(kubectl("get", "deploy", "-A"))[1][:3] == ["default", "app-v1", "1/1"]


def test_get_selects_sorts_and_prints_in_every_form(kubectl: Kubectl) -> None:
    assert len(lines(kubectl("get", "pods", "-l", "version in (v1)", "--no-headers"))) == 1
    assert kubectl("get", "deploy", "--field-selector", "metadata.name=app-v2", "-o", "name") == (
        "deployment.apps/app-v2\n"
    )
    backwards = kubectl("get", "deploy", "--sort-by", "{.spec.template.metadata.labels.version}", "--no-headers")
    assert [row[0] for row in lines(backwards)] == ["app-v1", "app-v2"]
    assert "app=app" in kubectl("get", "pods", "--show-labels")
    assert json.loads(kubectl("get", "vs", "app", "-o", "json"))["apiVersion"] == "networking.istio.io/v1"
    assert "kind: VirtualService" in kubectl("get", "vs", "-o", "yaml")
    assert kubectl("get", "vs", "app", "-o", WEIGHTS) == "100 0"
    assert lines(kubectl("get", "svc", "-o", "custom-columns=N:.metadata.name"))[1:] == [["app"]]
    assert "NotFound" in kubectl.run("get", "vs", "nobody").err


def test_watches_print_what_changes(kubectl: Kubectl) -> None:
    output = kubectl.site.folder / "tmp" / "watch"
    watching = kubectl.start("get", "destinationrules", "-w", output=output)
    try:
        until("the list", lambda: "app" in output.read_text())
        kubectl("create", "-f", "-", stdin=RULE)
        until("the new one", lambda: "later" in output.read_text())
        assert output.read_text().count("NAME") == 1
        kubectl("delete", "dr", "later")
    finally:
        watching.terminate()
        watching.wait()


RULE = """
apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: later}
spec: {host: later}
"""


def test_describe_tells_of_objects_and_what_belongs_to_them(kubectl: Kubectl) -> None:
    shown = kubectl("describe", "deploy", "app-v1")
    assert re.search(r"1 desired \| 1 updated \| 1 total \| 1 available", shown)
    assert re.search(r"NewReplicaSet: +app-v1-\w+ \(1/1 replicas created\)", shown)
    pod = kubectl("describe", "pods", "-l", "version=v1")
    assert "Controlled By:  ReplicaSet/app-v1-" in pod
    assert re.search(r"Normal +Ready .* ready: it gets requests", pod)
    assert re.search(r"Endpoints: +127.0.0.1:\d+,127.0.0.1:\d+", kubectl("describe", "svc", "app"))
    assert "Reconciled" in kubectl("describe", "vs", "app")
    assert re.search(r"Status: +Active", kubectl("describe", "ns", "default"))
    assert "started process" in kubectl("events", "--types=Normal")


def test_the_api_explains_itself(kubectl: Kubectl) -> None:
    resources = {row[0]: row for row in lines(kubectl("api-resources", "--no-headers"))}
    assert resources["virtualservices"][1:] == ["vs", "networking.istio.io/v1", "true", "VirtualService"]
    assert {"httproutes", "rollouts", "endpointslices", "leases", "customresourcedefinitions"} <= resources.keys()
    kubectl("wait", "--for=condition=Established", "crd/virtualservices.networking.istio.io", "--timeout=5s")
    assert "networking.istio.io/v1alpha3" in kubectl("api-versions").split()
    assert "weight\t<integer>" in kubectl("explain", "virtualservice.spec.http.route")
    assert "destinationSubnets\t<[]string>" in kubectl("explain", "vs.spec.tcp", "--recursive")
    assert "Turnout writes it" in kubectl("explain", "rs")
    assert "+turnout-" in kubectl("version")
    assert "is running at" in kubectl("cluster-info")
    assert "turnout" in kubectl("auth", "whoami")
    assert kubectl("auth", "can-i", "patch", "virtualservices") == "yes\n"
    assert kubectl.run("auth", "can-i", "create", "pods").out.startswith("no - Turnout writes Pod objects itself")


# --- writing


def test_every_way_to_write_moves_traffic(kubectl: Kubectl) -> None:
    site = kubectl.site

    def answers(version: str) -> None:
        until(f"{version} answers", lambda: site.get().version == version)

    assert "server dry run" in kubectl("apply", "--dry-run=server", "-f", "-", stdin=routed("v2"))
    assert kubectl("get", "vs", "app", "-o", WEIGHTS) == "100 0"
    changed = kubectl.run("diff", "-f", "-", stdin=routed("v2"))
    assert (changed.status, changed.out.count("\n+")) == (1, 4), changed.out
    kubectl("apply", "-f", "-", stdin=routed("v2"))
    answers("v2")
    assert kubectl.run("diff", "-f", "-", stdin=routed("v2")).status == 0
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=routed("v1"))
    answers("v1")
    kubectl("patch", "vs", "app", "--type=merge", "-p", json.dumps({"spec": _spec("v2")}))
    answers("v2")
    swap = [{"op": "replace", "path": f"/spec/http/0/route/{i}/weight", "value": 100 - 100 * i} for i in range(2)]
    kubectl("patch", "vs", "app", "--type=json", "-p", json.dumps(swap))
    answers("v1")
    editor = site.write("tmp/editor", "#!/bin/sh\nsed -i 's/weight: 100/weight: 1/; s/weight: 0/weight: 99/' \"$1\"\n")
    editor.chmod(0o755)
    assert "edited" in kubectl("edit", "vs", "app", KUBE_EDITOR=str(editor))
    assert kubectl("get", "vs", "app", "-o", WEIGHTS) == "1 99"
    kubectl("apply", "-f", "-", stdin=routed("v1"))
    answers("v1")
    refused = kubectl.run("patch", "vs", "app", "--type=merge", "-p", '{"spec": {"hosts": []}}')
    assert (refused.status, "VirtualService" in refused.err) == (1, True)


def _spec(version: str) -> dict[str, object]:
    return dict(json.loads(json.dumps(virtual_service(split({"v1": 0, version: 100}))["spec"])))


def test_labels_annotations_and_small_kinds_are_kept(kubectl: Kubectl) -> None:
    assert "labeled" in kubectl("label", "vs", "app", "team=red")
    assert "annotated" in kubectl("annotate", "deploy", "app-v1", "note=hello")
    assert "app" in kubectl("get", "vs", "-l", "team=red", "-o", "name")
    kubectl("label", "vs", "app", "team-")
    kubectl("create", "namespace", "shop")
    for what in (["configmap", "c", "--from-literal=a=b"], ["secret", "generic", "s", "--from-literal=a=b"]):
        assert "created" in kubectl("create", "-n", "shop", *what)
    kubectl("create", "serviceaccount", "robot", "-n", "shop")
    kubectl("create", "role", "reader", "--verb=get", "--resource=pods", "-n", "shop")
    assert kubectl("get", "secret", "s", "-n", "shop", "-o", "jsonpath={.data.a}") == "Yg=="
    kubectl("delete", "namespace", "shop")
    assert kubectl.run("get", "cm", "-n", "shop").out == ""


def test_what_turnout_writes_itself_is_refused_with_the_reason(kubectl: Kubectl) -> None:
    run = kubectl.run("run", "one", "--image=app")
    assert (run.status, "create or change a Deployment" in run.err) == (1, True)
    assert "Forbidden" in kubectl.run("delete", "rs", "--all").err


# --- what runs


def test_a_deployment_is_made_exposed_scaled_and_deleted(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "extra", "--image=app:1", "--port=8080")
    kubectl("expose", "deployment", "extra", "--port=80", "--target-port=8080")
    kubectl("rollout", "status", "deploy/extra", "--timeout=20s")
    kubectl("scale", "deploy/extra", "--replicas=2")
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=2", "deploy/extra", "--timeout=20s")
    assert len(lines(kubectl("get", "pods", "-l", "app=extra", "--no-headers"))) == 2
    until("both are endpoints", lambda: kubectl("get", "endpoints", "extra").count("127.0.0.1:") == 2)
    kubectl("delete", "deploy,svc", "extra")
    kubectl("wait", "--for=delete", "pod", "-l", "app=extra", "--timeout=20s")
    assert kubectl("get", "rs,ep,endpointslices", "-o", "name").count("extra") == 0


def test_rollouts_are_watched_restarted_and_undone(kubectl: Kubectl) -> None:
    def done() -> None:
        assert "successfully rolled out" in kubectl("rollout", "status", "deploy/app-v2", "--timeout=20s")

    before = kubectl("get", "pods", "-l", "version=v2", "-o", "name")
    kubectl("rollout", "restart", "deploy/app-v2")
    done()
    assert kubectl("get", "pods", "-l", "version=v2", "-o", "name") != before
    variable = {"name": "app", "env": [{"name": "MORE", "value": "1"}]}
    patch = {"spec": {"template": {"spec": {"containers": [variable]}}}}
    kubectl("patch", "deploy", "app-v2", "-p", json.dumps(patch))  # strategic: the other variable stays
    done()
    names = "jsonpath={.spec.template.spec.containers[0].env[*].name}"
    assert set(kubectl("get", "deploy", "app-v2", "-o", names).split()) == {"VERSION", "MORE"}
    revisions = [row[0] for row in lines(kubectl("rollout", "history", "deploy/app-v2"))[2:] if row]
    assert revisions == ["1", "2", "3"]
    assert "MORE" in kubectl("rollout", "history", "deploy/app-v2", "--revision=3")
    kubectl("rollout", "undo", "deploy/app-v2", "--to-revision=1")
    done()
    assert kubectl("get", "deploy", "app-v2", "-o", names) == "VERSION"
    revisions = [row[0] for row in lines(kubectl("rollout", "history", "deploy/app-v2"))[2:] if row]
    assert revisions == ["2", "3", "4"], "the first one is the newest now"
    source = "jsonpath={.metadata.annotations.turnout\\.dev/source}"
    assert kubectl("get", "deploy", "app-v2", "-o", source).endswith("k8s/v2.yaml#0"), "it still follows its file"


def test_a_deleted_pod_gets_a_successor_and_its_log_is_read(kubectl: Kubectl) -> None:
    name = kubectl("get", "pods", "-l", "version=v1", "-o", "jsonpath={.items[0].metadata.name}")
    assert "v1 listens" in kubectl("logs", name)
    assert "v1 listens" in kubectl("logs", "deploy/app-v1", "--tail=1")
    output = kubectl.site.folder / "tmp" / "followed"
    following = kubectl.start("logs", "-f", name, output=output)
    try:
        until("the log is followed", lambda: "listens" in output.read_text())
    finally:
        following.terminate()
        following.wait()
    kubectl("delete", "pod", name)
    kubectl("wait", "--for=condition=Ready", "pod", "-l", "version=v1", "--timeout=20s")
    assert name not in kubectl("get", "pods")
    assert kubectl.site.get().version == "v1"


def test_programs_run_beside_a_pod_s_process(kubectl: Kubectl) -> None:
    pod = kubectl("get", "pods", "-l", "version=v1", "-o", "jsonpath={.items[0].metadata.name}")
    assert f"TURNOUT_POD={pod}\n" in kubectl("exec", pod, "--", "env")
    assert kubectl("exec", "-i", "deploy/app-v1", "--", "cat", stdin="hello") == "hello"
    said = kubectl.run("exec", pod, "--", "sh", "-c", "ls; echo oops >&2; exit 3")
    assert (said.status, said.out) == (3, "service.py\n")
    assert said.err.startswith("oops\n")
    (kubectl.site.folder / "tmp" / "file").write_text("copied")
    kubectl("cp", "tmp/file", f"{pod}:{kubectl.site.folder}/tmp/copy")
    assert (kubectl.site.folder / "tmp" / "copy").read_text() == "copied"
    forwarded = kubectl.run("port-forward", pod, "8080:8080")
    assert (forwarded.status, "8080 is 127.0.0.1:" in forwarded.err) == (1, True)
    assert "kubectl logs -f" in kubectl.run("attach", pod).err
    (row,) = lines(kubectl("top", "pods", "-l", "version=v1", "--no-headers"))
    assert (row[0], row[1][-1], row[2][-2:]) == (pod, "m", "Mi")


def test_a_file_that_is_saved_goes_on_moving_what_kubectl_has_changed(kubectl: Kubectl) -> None:
    kubectl("scale", "deploy/app-v2", "--replicas=2")
    kubectl.site.apply("v2.yaml", deployment("v2", env={"LATER": "1"}))
    until("the file's change", lambda: "LATER" in kubectl("get", "deploy", "app-v2", "-o", "yaml"))
    assert kubectl("get", "deploy", "app-v2", "-o", "jsonpath={.spec.replicas}") == "2", "and nothing else"
