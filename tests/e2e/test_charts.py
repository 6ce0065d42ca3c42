"""Charts on a real `turnout up`: those it renders itself, and those that Helm installs over the API."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from helm_python import Config, HelmNotFoundError, HelmReleaseError
from tests.e2e import manifests
from tests.e2e.repository import HOST, Repository
from tests.e2e.site import Site, until

from turnout.load import Plan, run

pytestmark = pytest.mark.e2e


@pytest.fixture
def repository() -> Iterator[Repository]:
    found = Repository(Path(tempfile.mkdtemp(prefix="tno-")).resolve())
    try:
        found.lay_out()
        yield found
    finally:
        try:
            found.close()
        finally:
            shutil.rmtree(found.folder, ignore_errors=True)


def answered(site: Site, host: str = HOST) -> str:
    return site.get(host=host).version


async def test_saving_values_moves_traffic_and_saving_sources_replaces_a_version_without_a_lost_request(
    repository: Repository,
) -> None:
    repository.up()
    assert answered(repository) == "v1"
    pids = repository.pids()
    stop = asyncio.Event()
    plan = Plan(f"http://{HOST}/", rate=100, connect=("127.0.0.1", repository.port), version_header="x-version")
    users = asyncio.create_task(run(plan, stop=stop))
    try:
        await asyncio.to_thread(steps, repository, pids)
    finally:
        stop.set()
        report = await users
    assert report.failed == 0, report
    assert {row.version for row in report.versions} == {"v1", "v2", "v1.1"}


def steps(repository: Repository, pids: dict[str, int]) -> None:
    """What the article does, from editor to traffic."""
    repository.weigh(green=100)
    until("all traffic goes to v2", lambda: answered(repository) == "v2")
    assert repository.pids() == pids, "a saved weight restarts nothing"
    repository.weigh(green=0)
    until("all traffic goes to v1", lambda: answered(repository) == "v1")
    repository.change("app.py", 'VERSION = "v1"', 'VERSION = "v1.1"')
    until("the new version answers", lambda: answered(repository) == "v1.1")
    assert {pod["pid"] for pod in repository.pods("shop-green")} <= set(pids.values())
    repository.change("helm/values.yaml", "weight: 100", "weight: -1")
    problem = repository.until_status("the mistake is shown", lambda status: status["problems"])[0]
    assert problem["where"].startswith("helm/templates/routing.yaml:41:5 (.Values.routes[0].route[1].weight")
    assert answered(repository) == "v1.1"


def test_values_of_the_command_line_hold_and_weights_are_written_into_the_charts_own(repository: Repository) -> None:
    repository.write("local.yaml", "host: other.test\n")
    repository.up("-f", "local.yaml", "--set", "deployments.blue.replicas=2")
    assert answered(repository, "other.test") == "v1"
    assert len(repository.pods("shop-blue")) == 2
    repository.write("local.yaml", "host: third.test\n")
    until("the saved values hold", lambda: answered(repository, "third.test") == "v1")
    before = (repository.folder / "helm/values.yaml").read_text()
    assert repository.run("shift", "shop", "green=100", "--write").status == 0
    after = (repository.folder / "helm/values.yaml").read_text()
    assert after == before.replace("weight: 100", "weight: NONE").replace("weight: 0", "weight: 100").replace(
        "NONE", "0"
    )
    assert answered(repository, "third.test") == "v2"
    until("the saved values are read", lambda: repository.status()["drift"] == [])


# --- Helm itself, against the API


@pytest.fixture
def charted(site: Site) -> Site:
    """Nothing runs but an empty instance; the usual project lies beside it as a chart."""
    weights = {"v1": 111, "v2": 222}
    objects = {
        "gateway": manifests.gateway(),
        "service": manifests.service(),
        "v1": manifests.deployment("v1"),
        "v2": manifests.deployment("v2"),
        "rule": manifests.destination_rule({"v1": "v1", "v2": "v2"}),
        "route": manifests.virtual_service(manifests.split(weights)),
    }
    site.write("chart/Chart.yaml", "apiVersion: v2\nname: app\nversion: 0.1.0\n")
    site.write("chart/values.yaml", "weights: {v1: 100, v2: 0}\n")
    for name, obj in objects.items():
        text = manifests.document(obj)
        for version, weight in weights.items():
            text = text.replace(f": {weight}", f": {{{{ .Values.weights.{version} }}}}")
        site.write(f"chart/templates/{name}.yaml", text)
    shutil.rmtree(site.folder / "k8s")
    (site.folder / "k8s").mkdir()
    site.up()
    return site


def test_helm_installs_upgrades_rolls_back_and_uninstalls_and_traffic_follows(charted: Site) -> None:
    chart = charted.folder / "chart"
    with Config(kubeconfig_path=charted.state / "kubeconfig", namespace="default") as helm:
        helm.install(chart, "app", wait="watcher", timeout=30)
        assert charted.get().version == "v1", "it runs when Helm says so"
        pids = charted.pids()
        helm.upgrade(chart, "app", {"weights": {"v1": 0, "v2": 100}}, wait="watcher", timeout=30)
        until("traffic follows the upgrade", lambda: charted.get().version == "v2")
        helm.rollback("app", version=1, wait="watcher", timeout=30)
        until("traffic follows the rollback", lambda: charted.get().version == "v1")
        assert charted.pids() == pids
        assert [(item["revision"], item["status"]) for item in helm.history("app")] == [
            (1, "superseded"), (2, "superseded"), (3, "deployed")
        ]  # fmt: skip
        assert [(item["name"], item["revision"]) for item in helm.list()] == [("app", 3)]
        assert helm.get_values("app", revision=2) == {"weights": {"v1": 0, "v2": 100}}
        assert charted.run("shift", "app", "v2=10").status == 0
        with pytest.raises(HelmReleaseError, match='conflict with "turnout"'):
            helm.upgrade(chart, "app", {"weights": {"v1": 50, "v2": 50}}, timeout=30)
        helm.uninstall("app", wait="watcher", timeout=30)
        until("nothing is left", lambda: not charted.pods())
        assert charted.get().status == 0
        assert helm.list() == []
        with pytest.raises(HelmNotFoundError):
            helm.status("app")


def test_helm_is_told_why_an_object_is_refused(charted: Site) -> None:
    chart = charted.folder / "chart"
    with Config(kubeconfig_path=charted.state / "kubeconfig", namespace="default") as helm:
        with pytest.raises(Exception, match="weight -5 < 0"):
            helm.install(chart, "app", {"weights": {"v1": -5, "v2": 5}}, timeout=10)
        helm.uninstall("app")
