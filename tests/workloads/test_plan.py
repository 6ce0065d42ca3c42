from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from turnout.inputs.images import ImageRun
from turnout.problem import ObjectPath, Place, Severity
from turnout.resources.core import (
    ConfigMap,
    Container,
    ContainerPort,
    Deployment,
    DeploymentSpec,
    EnvFrom,
    EnvSourceRef,
    EnvVar,
    EnvVarSource,
    FieldSelector,
    KeySelector,
    PodSpec,
    PodTemplate,
    Secret,
)
from turnout.resources.meta import Metadata
from turnout.workloads.environment import environment
from turnout.workloads.plan import argv, attached, plan
from turnout.workloads.workload import Workload

IMAGES = (ImageRun("shop", Path("/src/shop"), Place("turnout.yaml", 3, 5), "make", "python shop.py --port $(PORT)"),)
CONFIG_MAPS = {("default", "settings"): ConfigMap(Metadata("settings"), {"COLOR": "blue", "PRICE": "$(COLOR) $$"})}
SECRETS = {
    ("default", "keys"): Secret(
        Metadata("keys"), {"KEY": base64.b64encode(b"s3cret").decode(), "OLD": "b2xk"}, {"OLD": "new"}
    ),
    ("default", "garbled"): Secret(Metadata("garbled"), {"KEY": "no base64!"}),
}


def deployment(*others: Container, **container: Any) -> Deployment:
    shop = Container(**{"name": "shop", "image": "shop:v1", "ports": (ContainerPort(8080, "http"),)} | container)
    labels, annotations = {"app": "shop"}, {"team": "a"}
    template = PodTemplate(Metadata(labels=labels, annotations=annotations), PodSpec((shop, *others), 60))
    return Deployment(Metadata("shop", "default"), DeploymentSpec(template, replicas=2))


def planned(**container: Any) -> Workload:
    workload, problems = plan(deployment(**container), CONFIG_MAPS, SECRETS, IMAGES, 15001)
    assert problems == []
    assert workload is not None
    return workload


def resolved(**container: Any) -> dict[str, str]:
    return environment(planned(**container), "shop-abcde", {8080: 20001}, {})


def reference(**source: Any) -> EnvVar:
    return EnvVar("X", value_from=EnvVarSource(**source))


def test_a_deployment_becomes_a_workload() -> None:
    workload = planned()
    assert workload == Workload(
        namespace="default",
        name="shop",
        labels={"app": "shop"},
        annotations={"team": "a"},
        replicas=2,
        run=("python", "shop.py", "--port", "$(PORT)"),
        cwd=Path("/src/shop"),
        build="make",
        env=workload.env,
        ports=(ContainerPort(8080, "http"),),
        grace_seconds=60.0,
    )


def test_the_processes_call_others_through_their_own_egress_proxy() -> None:
    env = resolved(env=(EnvVar("http_proxy", "http://corporate:3128"),))
    assert env["http_proxy"] == env["HTTP_PROXY"] == "http://127.0.0.1:15001"
    assert env["NO_PROXY"] == env["no_proxy"] == "localhost,127.0.0.1,::1"
    assert env["NODE_USE_ENV_PROXY"] == "1"
    assert "https_proxy" not in env


def test_values_refer_to_those_before_them_as_in_kubernetes() -> None:
    env = resolved(
        env=(
            EnvVar("A", "$(B)"),
            EnvVar("B", "1"),
            EnvVar("C", "$(B)-$$(B)-$(UNKNOWN)-$B-$("),
            EnvVar("B", "$(B)2"),
        )
    )
    assert (env["A"], env["B"], env["C"]) == ("$(B)", "12", "1-$(B)-$(UNKNOWN)-$B-$(")


def test_the_port_is_ours_whatever_the_manifest_says() -> None:
    env = resolved(env=(EnvVar("URL", "http://x:$(PORT)"), EnvVar("PORT", "8080")))
    assert env["PORT"] == "20001"
    assert env["URL"] == "http://x:20001"


def test_the_port_that_the_manifest_gives_as_port_is_the_main_one() -> None:
    ports = (ContainerPort(9090, "metrics"), ContainerPort(53, "dns", "UDP"), ContainerPort(8080))
    assert [port.container_port for port in planned(ports=ports).ports] == [9090, 8080]
    workload = planned(ports=ports, env=(EnvVar("PORT", "8080"),))
    assert [port.container_port for port in workload.ports] == [8080, 9090]
    env = environment(workload, "p", {8080: 1, 9090: 2}, {})
    assert (env["PORT"], env["PORT_METRICS"]) == ("1", "2")


def test_config_maps_and_secrets_are_taken_as_they_are_and_literals_win_over_them() -> None:
    sources = (
        EnvFrom("", EnvSourceRef("settings")),
        EnvFrom("S_", None, EnvSourceRef("keys")),
        EnvFrom("", EnvSourceRef("nowhere", optional=True)),
    )
    env = resolved(env_from=sources, env=(EnvVar("COLOR", "green"),))
    assert env["COLOR"] == "green"
    assert env["PRICE"] == "$(COLOR) $$"
    assert (env["S_KEY"], env["S_OLD"]) == ("s3cret", "new")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        (reference(config_map_key_ref=KeySelector("settings", "COLOR")), "blue"),
        (reference(secret_key_ref=KeySelector("keys", "KEY")), "s3cret"),
        (reference(secret_key_ref=KeySelector("keys", "NONE", optional=True)), None),
        (reference(config_map_key_ref=KeySelector("nowhere", "NONE", optional=True)), None),
        (reference(field_ref=FieldSelector("metadata.name")), "shop-abcde"),
        (reference(field_ref=FieldSelector("metadata.namespace")), "default"),
        (reference(field_ref=FieldSelector("metadata.labels['app']")), "shop"),
        (reference(field_ref=FieldSelector("metadata.annotations['team']")), "a"),
        (reference(field_ref=FieldSelector("metadata.labels['none']")), ""),
        (reference(field_ref=FieldSelector("status.podIP")), "127.0.0.1"),
        (reference(field_ref=FieldSelector("spec.serviceAccountName")), "default"),
    ],
)
def test_references_are_resolved(variable: EnvVar, value: str | None) -> None:
    assert resolved(env=(variable,)).get("X") == value


@pytest.mark.parametrize(
    ("container", "path", "message"),
    [
        ({"image": "unknown:1"}, "image", "nothing says how to run the image 'unknown:1'"),
        (
            {"env": (reference(config_map_key_ref=KeySelector("nowhere", "K")),)},
            "env[0].valueFrom.configMapKeyRef.name",
            "ConfigMap nowhere does not exist in namespace default",
        ),
        (
            {"env": (reference(secret_key_ref=KeySelector("keys", "K")),)},
            "env[0].valueFrom.secretKeyRef.key",
            "Secret keys has no key 'K' (it has: KEY, OLD)",
        ),
        (
            {"env_from": (EnvFrom("", None, EnvSourceRef("nowhere")),)},
            "envFrom[0].secretRef.name",
            "Secret nowhere does not exist in namespace default",
        ),
        (
            {"env": (reference(field_ref=FieldSelector("spec.hostname")),)},
            "env[0].valueFrom.fieldRef.fieldPath",
            "there is no field 'spec.hostname' to take a value from",
        ),
        (
            {"env": (reference(),)},
            "env[0].valueFrom",
            "the value of X comes from a source that Turnout lacks",
        ),
    ],
)
def test_what_cannot_start_says_why_and_where_and_keeps_its_place(
    container: dict[str, Any], path: str, message: str
) -> None:
    workload, (problem,) = plan(deployment(**container), CONFIG_MAPS, SECRETS, IMAGES, 15001)
    assert problem.message == message
    assert problem.severity is Severity.ERROR
    assert problem.where == ObjectPath("Deployment", "default", "shop", f"spec.template.spec.containers[0].{path}")
    assert workload is not None
    assert workload.fault == message


def test_a_secret_that_is_no_base64_is_a_fault() -> None:
    workload, (problem, *_) = plan(
        deployment(env=(reference(secret_key_ref=KeySelector("garbled", "KEY")),)), CONFIG_MAPS, SECRETS, IMAGES, 1
    )
    assert problem.message.startswith("Secret garbled: `data` is not base64")
    assert workload is not None
    assert workload.fault


def test_a_problem_stands_where_the_file_says() -> None:
    place = Place("app.yaml", 12, 9)
    _, (problem,) = plan(
        deployment(image="x"), {}, {}, IMAGES, 1, locate=lambda path: place if path[-1] == "image" else None
    )
    assert problem.where == place
    assert problem.hint == "add to turnout.yaml: images: {x: {context: ., run: <command>}}"


def test_a_container_that_turnout_yaml_does_not_know_is_left_out_beside_one_that_it_does() -> None:
    base = deployment(Container("shop2", "shop:v2"), name="proxy", image="sidecar:1")
    workload, problems = plan(base, {}, {}, IMAGES, 1)
    assert workload is not None
    assert not workload.fault
    assert [(p.severity, p.message) for p in problems] == [
        (Severity.WARNING, "container proxy is not run: one process per pod, here shop2")
    ]


def test_a_template_without_a_container_is_nothing_to_run() -> None:
    base = deployment()
    empty = replace(base, spec=replace(base.spec, template=PodTemplate()))
    workload, (problem,) = plan(empty, {}, {}, IMAGES, 1)
    assert workload is None
    assert problem.message == "the pod template has no container"


@pytest.mark.parametrize(
    ("run", "args", "words"),
    [
        ("python app.py", (), ("python", "app.py")),
        ("python app.py", ("--a", "b c"), ("python", "app.py", "--a", "b c")),
        ("app --name 'a b' $(PORT) ${PORT}", (), ("app", "--name", "a b", "$(PORT)", "${PORT}")),
        ("cd x && ./app", (), ("/bin/sh", "-c", "cd x && ./app")),
        ("cd x && ./app", ("-v",), ("/bin/sh", "-c", 'cd x && ./app "$@"', "sh", "-v")),
        ("DEBUG=1 ./app", (), ("/bin/sh", "-c", "DEBUG=1 ./app")),
        ("./app $HOME", (), ("/bin/sh", "-c", "./app $HOME")),
        ("./app ${HOME}", (), ("/bin/sh", "-c", "./app ${HOME}")),
        ("./app 'open", (), ("/bin/sh", "-c", "./app 'open")),
        (("./app", "a;b"), ("c",), ("./app", "a;b", "c")),
    ],
)
def test_a_shell_comes_in_only_where_one_is_asked_for(run: Any, args: Sequence[str], words: tuple[str, ...]) -> None:
    assert argv(run, args, {"PORT"}) == words


def test_attached_addresses_have_a_host_and_a_port() -> None:
    assert attached("localhost:9000") == ("localhost", 9000)
    assert attached("[::1]:9000") == ("::1", 9000)


def test_only_what_a_process_would_notice_makes_a_new_version() -> None:
    base = planned()
    assert replace(base, replicas=5).template_hash == base.template_hash
    different = [
        replace(base, source="x"),
        replace(base, env=(("A", "1"),)),
        replace(base, labels={"app": "other"}),
        replace(base, run=("x",)),
        replace(base, fault="x"),
        replace(base, ports=()),
        replace(base, grace_seconds=1.0),
    ]
    assert len({base.template_hash, *(other.template_hash for other in different)}) == 8
