"""What becomes of a Deployment where images are run as containers."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from turnout.inputs.images import ImageRun
from turnout.problem import Place
from turnout.resources.core import (
    Container,
    ContainerPort,
    Deployment,
    DeploymentSpec,
    HttpGetAction,
    PodSpec,
    PodTemplate,
    Probe,
)
from turnout.resources.meta import Metadata
from turnout.workloads.plan import plan
from turnout.workloads.runtime import ContainerTemplate, Runtime, as_typed
from turnout.workloads.workload import Workload

OWN, HOST = Runtime("podman", "abc", ("nofile=9:9",), "own"), Runtime("podman", "abc")
BUILT = ImageRun("shop", Path("/src/shop"), Place("turnout.yaml", 1, 1), "make", "./shop", dockerfile=Path("/src/D"))


def planned(runtime: Runtime, known: ImageRun | None = None, **container: Any) -> Workload:
    shop = Container(**{"name": "shop", "image": "shop:v1", "ports": (ContainerPort(8080, "http"),)} | container)
    deployment = Deployment(Metadata("shop", "default"), DeploymentSpec(PodTemplate(spec=PodSpec((shop,)))))
    services = (("REDIS_SERVICE_HOST", "127.0.0.1"), ("REDIS_SERVICE_PORT", "15003"))
    workload, problems = plan(
        deployment, {}, {}, [known] if known else [], 15001, source="s1", services=services, runtime=runtime
    )
    assert problems == []
    assert workload is not None
    return workload


def test_an_image_that_nobody_describes_is_run_as_it_is() -> None:
    workload = planned(HOST, command=("a", "b"), args=("c",), working_dir="/w")
    assert workload.container == ContainerTemplate(HOST, "shop:v1", ("a", "b"), ("c",), "/w")
    assert (workload.run, workload.build, workload.source) == (None, None, "")


def test_an_image_with_a_dockerfile_is_built_from_it_and_not_as_a_process() -> None:
    workload = planned(HOST, BUILT)
    assert workload.container == ContainerTemplate(HOST, "localhost/turnout-abc/shop-v1:latest")
    assert workload.build is not None
    assert "podman build" in workload.build
    assert "make" not in workload.build
    assert (workload.run, workload.cwd, workload.source) == (None, Path("/src/shop"), "s1")


def test_an_image_that_could_only_be_a_container_is_told_so_where_it_is_to_be_a_process() -> None:
    known = ImageRun("shop", Path("/src/shop"), Place("turnout.yaml", 1, 1), dockerfile=Path("/src/shop/Dockerfile"))
    template = PodTemplate(spec=PodSpec((Container("shop", "shop:v1"),)))
    _, problems = plan(Deployment(Metadata("shop", "default"), DeploymentSpec(template)), {}, {}, [known], 15001)
    assert [problem.code for problem in problems] == ["TNO251"]
    assert (problems[0].hint or "").endswith("; or run it as a container, with --runtime podman")


def test_what_is_attached_to_is_no_container() -> None:
    workload = planned(OWN, ImageRun("shop", Path(), Place("turnout.yaml", 1, 1), attach="127.0.0.1:9"))
    assert workload.container is None
    assert workload.attach == "127.0.0.1:9"


@pytest.mark.parametrize(("runtime", "loopback"), [(OWN, "10.0.2.2"), (HOST, "127.0.0.1")])
def test_a_container_finds_envoy_where_its_network_has_this_machines_loopback(runtime: Runtime, loopback: str) -> None:
    workload = planned(runtime)
    assert dict(workload.env)["http_proxy"] == f"http://{loopback}:15001"
    assert dict(workload.services) == {"REDIS_SERVICE_HOST": loopback, "REDIS_SERVICE_PORT": "15003"}
    assert workload.container is not None
    assert workload.container.network == runtime.network


@pytest.mark.parametrize(("runtime", "ports"), [(OWN, [8080, 9090]), (HOST, [8080])])
def test_a_port_that_only_a_probe_names_is_led_out_of_a_network_of_its_own(runtime: Runtime, ports: list[int]) -> None:
    foreign, own, named = (Probe(http_get=HttpGetAction(port=port)) for port in (9090, 8080, "http"))
    workload = planned(runtime, readiness_probe=foreign, liveness_probe=own, startup_probe=named)
    assert [port.container_port for port in workload.ports] == ports


def test_a_container_that_declares_no_port_shares_this_machines_network() -> None:
    workload = planned(OWN, ports=())
    assert workload.container is not None
    assert workload.container.network == "host"
    assert dict(workload.env)["http_proxy"] == "http://127.0.0.1:15001"


def test_another_engine_or_image_makes_another_version() -> None:
    workload = planned(OWN)
    others = [planned(HOST), planned(replace(OWN, engine="docker")), planned(OWN, image="shop:v2")]
    assert workload.template_hash not in {other.template_hash for other in others}
    assert planned(OWN).template_hash == workload.template_hash


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("shop", "shop"),
        ("registry.test:5000/Team/Shop:1.2", "registry.test-5000/team/shop-1.2"),
        ("shop@sha256:ab", "shop-sha256-ab"),
    ],
)
def test_a_built_image_has_a_name_of_its_own(image: str, name: str) -> None:
    assert HOST.image_name(image) == f"localhost/turnout-abc/{name}:latest"


def test_every_stage_of_a_dockerfile_is_labelled(tmp_path: Path) -> None:
    dockerfile = tmp_path / "a b" / "Dockerfile"
    dockerfile.parent.mkdir()
    dockerfile.write_text("# FROM here\nARG X\nFROM golang AS one\nRUN from x\n  from scratch\nCOPY . /\n")
    command = OWN.build("shop", dockerfile)
    labelling = command.partition("; ")[2].partition(" | ")[0]
    said = subprocess.run(labelling, shell=True, capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == [
        "# FROM here",
        "ARG X",
        "FROM golang AS one",
        "LABEL turnout.owner=abc",
        "RUN from x",
        "  from scratch",
        "LABEL turnout.owner=abc",
        "COPY . /",
    ]


def test_a_build_that_fails_is_told_as_a_user_would_have_typed_it() -> None:
    told = as_typed(OWN.build("shop", Path("Dockerfile")))
    assert told.startswith("podman build --ulimit nofile=9:9")
    assert as_typed("make | tee log") == "make | tee log"
