"""`--runtime podman`: Deployments' images as containers, on a real podman; skipped where there is none."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest
from tests.e2e import manifests
from tests.e2e.container_sites import (
    DOCKERFILE,
    ContainerSite,
    assert_nothing_is_left,
    container_site,
    networks,
    podman,
)
from tests.e2e.kubectl import Kubectl
from tests.e2e.site import Site, until
from tests.e2e.traffic import traffic

from turnout.workloads.container_cli import network

pytestmark = pytest.mark.e2e
NETWORK = network("podman", os.environ)


@pytest.fixture
def fresh() -> Iterator[ContainerSite]:
    with container_site() as site:
        yield site


@pytest.fixture(scope="module")
def running() -> Iterator[ContainerSite]:
    """v1 has a probe that runs inside it, and a variable of several lines."""
    with container_site() as site:
        probe = {"exec": {"command": ["/service", "-probe", "/nowhere"]}, "periodSeconds": 1}
        env = {"SEVERAL": "first\nsecond", "QUOTED": "a 'b' \"c\" $d", "REFERS": "to $(PORT)"}
        site.deploy("v1", env=env, args=["--port", "$(PORT)"], livenessProbe=probe)
        site.up()
        yield site


@pytest.mark.alone
async def test_a_shift_from_0_to_100_a_restart_and_a_new_build_fail_no_request(fresh: ContainerSite) -> None:
    """Both versions are containers; each step is made under load. `down` leaves nothing of it."""
    networks_before = networks()
    fresh.up()
    async with traffic(fresh.port) as seen:
        for weight in (1, 50, 100):
            assert (await asyncio.to_thread(fresh.run, "shift", "app", f"v2={weight}")).status == 0
        old = {pod["name"] for pod in fresh.pods("app-v2")}
        fresh.write("v2/Dockerfile", DOCKERFILE.format(name="again"))
        await asyncio.to_thread(until, "another pod serves", lambda: _served(fresh) and not old & _served(fresh))
    seen.assert_unharmed()
    assert {row.version for row in seen.reports["fast"].versions} == {"v1", "v2"}
    assert fresh.get("/env/BUILT").body == "again"
    assert fresh.run("down").status == 0
    assert_nothing_is_left(fresh, networks_before)


def _served(site: ContainerSite) -> set[str]:
    return {pod["name"] for pod in site.pods("app-v2") if pod["ready"] and pod["phase"] == "running"}


def test_a_container_gets_the_variables_and_arguments_of_its_deployment(running: ContainerSite) -> None:
    (pod,) = running.pods("app-v1")
    port = "8080" if NETWORK == "own" else str(pod["ports"]["8080"])
    said = {name: running.get(f"/env/{name}").body for name in ("PORT", "SEVERAL", "QUOTED", "REFERS", "BUILT")}
    assert said == {
        "PORT": port,
        "SEVERAL": "first\nsecond",
        "QUOTED": "a 'b' \"c\" $d",
        "REFERS": f"to {port}",
        "BUILT": "v1",
    }
    assert running.get("/env/TMPDIR").body == "", "nothing of this machine's own environment"
    until("its log", lambda: f"v1 listens --port {port}" in running.run("logs", "app-v1").out)
    assert (running.state / "logs" / f"{pod['name']}.log").stat().st_mode & 0o777 == 0o660


@pytest.mark.skipif(NETWORK != "own", reason="slirp4netns is missing: apt-get install slirp4netns")
def test_all_containers_listen_on_the_port_of_their_deployments_and_are_told_when_they_do_not(
    running: ContainerSite,
) -> None:
    """As on Kubernetes: v1 and v2 both listen on 8080. Then v2 listens elsewhere, and v2 as it was goes on."""
    assert len({pod["ports"]["8080"] for pod in running.pods()}) == 2
    running.deploy("v2", command=["/service", "-listen", ":9999"])
    told = "listens on port 9999 instead of its containerPort, 8080"
    until("it is told", lambda: any(told in pod["message"] for pod in running.pods("app-v2")))
    running.deploy("v2", command=["/service", "-listen", "127.0.0.1:8080"])
    until("it is told", lambda: any("let it listen on 0.0.0.0" in pod["message"] for pod in running.pods("app-v2")))
    running.deploy("v2")
    until("v2 is as it was", lambda: len(running.pods("app-v2")) == 1)


def test_a_container_without_declared_ports_shares_this_machines_network(running: ContainerSite) -> None:
    """Nobody could know on which of its ports it listens: so it is told, as a process is."""
    running.apply("bare.yaml", manifests.deployment("v1", app="bare", image="app-v1", ports=[], readinessProbe=None))
    running.apply("bare-service.yaml", manifests.service("bare"))
    try:
        until("it is in service", lambda: [pod["ready"] for pod in running.pods("bare-v1")] == [True])
        assert running.get("/call?url=http://bare/").body == "200 v1"
    finally:
        (running.folder / "k8s" / "bare.yaml").unlink()
        until("it is gone", lambda: not running.pods("bare-v1"))


def test_a_container_calls_other_services_through_envoy(running: ContainerSite) -> None:
    """`app` is no name that this machine could resolve."""
    assert running.get("/call?url=http://app/").body == "200 v1"


def test_kubectl_knows_the_container_and_runs_programs_inside_it(running: ContainerSite) -> None:
    """`/service` is a file of the image alone."""
    kubectl = Kubectl(running)
    (pod,) = running.pods("app-v1")
    (container,) = _of(running.containers(), pod["name"])
    asked = "jsonpath={.status.containerStatuses[0].containerID}"
    assert kubectl("get", "pod", pod["name"], "-o", asked) == f"podman://{container}"
    probe = ("exec", pod["name"], "--", "/service", "-probe")
    assert kubectl.run(*probe, "/nowhere").status == 0
    assert kubectl.run(*probe, "/service").status == 1


def test_a_container_that_dies_is_started_again(running: ContainerSite) -> None:
    (before,) = running.pods("app-v2")
    podman("kill", "--signal", "KILL", *_of(running.containers(), before["name"]))

    def again() -> bool:
        (pod,) = running.pods("app-v2")
        return bool(pod["ready"] and pod["restarts"] == before["restarts"] + 1 and pod["pid"] != before["pid"])

    until("it is started again", again)


def test_containers_that_are_not_wanted_any_more_while_they_start_leave_nothing(running: ContainerSite) -> None:
    """A podman that is killed while it starts one would leave a process that it knows nothing of."""
    running.deploy("v2", replicas=6)
    until("some are starting", lambda: len(running.pods("app-v2")) > 1)
    running.deploy("v2")
    until("one is left", lambda: [pod["phase"] for pod in running.pods("app-v2")] == ["running"])
    until("with its watcher", lambda: len(running.watchers()) == len(running.containers()) == 2)


def test_newer_sources_end_a_build_with_all_that_it_has_started(running: ContainerSite) -> None:
    """A step that would never end runs in a container of podman's own, which a killed podman would leave behind."""
    step = ("/service", "-listen", ":0")
    before = _building()
    running.write("v2/Dockerfile", f"FROM scratch\nCOPY service /service\nRUN {json.dumps(step)}\n")
    until("the step runs", lambda: _run_as(step))
    running.write("v2/Dockerfile", DOCKERFILE.format(name="mended"))
    until("the step has ended", lambda: not _run_as(step))
    until("the new version runs", lambda: [pod["phase"] for pod in running.pods("app-v2")] == ["running"])
    assert _building() <= before


def _building() -> set[str]:
    """Containers in which podman builds, anybody's."""
    names = podman("ps", "--all", "--external", "--format", "{{.ID}} {{.Names}}").splitlines()
    return {name for name in names if "working-container" in name}


def _run_as(argv: tuple[str, ...]) -> list[int]:
    return [process.pid for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == [*argv]]


def test_containers_outlive_turnout_and_are_adopted(running: ContainerSite) -> None:
    """The old Turnout gets SIGKILL; an ended container is buried, and one that nobody knows is removed."""
    before = running.containers()
    running.ups[-1].kill()
    os.kill(next(pid for name, pid in _pids(running).items() if name.startswith("app-v2")), signal.SIGKILL)
    assert running.get().body == "v1"
    running.up()
    after = running.containers()
    assert _of(before, "app-v1") == _of(after, "app-v1")
    assert _of(before, "app-v2") != _of(after, "app-v2")
    assert len(after) == 2
    assert running.get().body == "v1"


def _of(containers: dict[str, str], workload: str) -> list[str]:
    return [container for name, container in containers.items() if f"-{workload}" in name]


def _pids(site: ContainerSite) -> dict[str, int]:
    """Of containers' first processes, by pod."""
    names = site.containers()
    said = podman("inspect", "--format", "{{.Name}} {{.State.Pid}}", *names.values())
    found = dict(line.split() for line in said.splitlines())
    return {name.split("-", 2)[2]: int(pid) for name, pid in found.items()}


def test_down_leaves_no_container_image_or_network_of_a_turnout_that_was_killed(running: ContainerSite) -> None:
    """What it started is found by its label."""
    networks_before = networks()
    assert len(running.containers()) == 2
    assert running.images()
    running.ups[-1].kill()
    assert running.run("down").status == 0
    assert_nothing_is_left(running, networks_before)


def test_a_missing_engine_is_told_at_the_start(site: Site) -> None:
    nothing = {**site.environment, "PATH": str(site.folder)}
    argv = [sys.executable, "-m", "turnout", "up", "k8s", "--runtime", "podman"]
    ended = subprocess.run(argv, cwd=site.folder, env=nothing, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "error: --runtime podman: podman is not installed" in ended.stderr
    assert "hint: on Debian and Ubuntu: apt-get install podman runc slirp4netns" in ended.stderr
