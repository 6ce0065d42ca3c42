"""The traffic commands, each twice: beside a running Turnout, and as on a cluster.

There they come through an API server that allows what docs/cluster.md asks for, and so nothing that only Turnout has;
with TLS and a client's certificate; and take their figures from a real Prometheus behind that server's service proxy.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

import pytest
from click.testing import CliRunner
from tests.controller.authorising import Rights
from tests.e2e import manifests
from tests.e2e.cluster_front import Front
from tests.e2e.prometheus import Prometheus
from tests.e2e.site import Outcome, Site, until

from turnout.cli import root
from turnout.cli.export import scrape_config
from turnout.client.state import read_address
from turnout.error import TurnoutError
from turnout.resources.kinds import VIRTUAL_SERVICE
from turnout.resources.reader import read

pytestmark = pytest.mark.e2e

MODES = ("embedded", "cluster")
PAGE = Path(__file__).parents[2] / "docs" / "cluster.md"
PAUSE_SECONDS = 0.02


@dataclass(slots=True)
class Setting:
    """One site with users, a Prometheus that looks on, and the cluster that it looks like."""

    site: Site
    front: Front
    kubeconfig: Path
    mode: str = "embedded"

    @property
    def where(self) -> tuple[str, str]:
        if self.mode == "cluster":
            return "--kubeconfig", str(self.kubeconfig)
        return "--state", str(self.site.state)

    def run(self, *arguments: str) -> Outcome:
        """In this process: thirty times Python's start is half a minute."""
        ended = CliRunner().invoke(root, [*arguments, *self.where], env=self.site.environment)
        failed = isinstance(ended.exception, TurnoutError)
        assert failed or ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
        return Outcome(ended.exit_code, ended.stdout, ended.stderr + (str(ended.exception) if failed else ""))

    def said(self, *arguments: str) -> str:
        """What a command that went well printed."""
        outcome = self.run(*arguments)
        assert outcome.status == 0, outcome
        return outcome.out

    def version(self, subset: str) -> dict[str, Any]:
        """As `status --json` has it."""
        (service,) = json.loads(self.said("status", "--json"))["services"]
        (version,) = [version for version in service["versions"] if version["subset"] == subset]
        return {**version, "weights": service["routes"][0]["weights"] if service["routes"] else {}}


@pytest.fixture(scope="module")
def setting() -> Iterator[Setting]:
    site, over = Site(Path(tempfile.mkdtemp(prefix="tno-")).resolve()), threading.Event()
    users = threading.Thread(target=_ask_on, args=(site, over))
    try:
        site.lay_out()
        site.up()
        address = read_address(site.state)
        config = scrape_config(f"127.0.0.1:{address.port}", site.state / "token").replace(" 5s", " 1s")
        prometheus = Prometheus.start(site.folder / "prometheus", config)
        try:
            users.start()
            front = Front(site.state, Rights("", (), documented_rights()), prometheus.port)
            with front.serving(site.folder / "cluster") as kubeconfig:
                yield Setting(site, front, kubeconfig)
        finally:
            over.set()
            users.join(30)
            prometheus.stop()
    finally:
        try:
            site.close()
        finally:
            shutil.rmtree(site.folder, ignore_errors=True)


def documented_rights() -> list[dict[str, Any]]:
    """The rules of the ClusterRole in docs/cluster.md."""
    (text,) = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL) if "ClusterRole" in text]
    documents, problems = read(text, "docs/cluster.md")
    assert not problems
    rules: list[dict[str, Any]] = documents[0].data["rules"]
    return rules


def _ask_on(site: Site, over: threading.Event) -> None:
    while not over.wait(PAUSE_SECONDS):
        site.get()


@pytest.fixture(params=MODES)
def commands(setting: Setting, request: pytest.FixtureRequest) -> Iterator[Setting]:
    """In one of the two modes; the routes are as at first afterwards, and no cluster was asked for what it has not."""
    setting.mode = request.param
    yield setting
    with setting.site.client() as client:
        routes = manifests.virtual_service(manifests.split({"v1": 100, "v2": 0}))
        client.patch(VIRTUAL_SERVICE, "default", "app", {"spec": routes["spec"]})
    assert not setting.front.rights.refused


def test_shift_moves_traffic_status_counts_it_and_undo_takes_it_back(commands: Setting) -> None:
    said = commands.said("shift", "app", "v2=100")
    assert "default/app main: v1 100 → 0, v2 0 → 100\nacknowledged by Envoy in" in said
    assert commands.site.get().version == "v2"

    seen = until("v2 is counted", lambda: _busy(commands, "v2"))
    assert (seen["ready"], seen["pods"], seen["weights"]) == (1, 1, {"v1": "0", "v2": "100"})
    assert "app" in commands.said("top", "--once")

    assert "undone: shift app v2=100 (default/app)" in commands.said("undo")
    assert commands.site.get().version == "v1"
    assert commands.version("v1")["weights"] == {"v1": "100", "v2": "0"}


def test_a_mirror_is_switched_on_seen_in_the_graph_and_switched_off(commands: Setting) -> None:
    assert "mirror off → 100 % of GET to v2" in commands.said("mirror", "app", "--to", "v2", "--methods", "GET")

    copies = until("copies are in the graph", lambda: _edge(commands, mirrored=True))
    assert (copies["source"], copies["target"]) == ("istio-system/istio-ingressgateway", "default/app-v2")
    requests = until("requests are", lambda: _edge(commands, mirrored=False))
    assert (requests["source"], requests["subset"], requests["error_share"]) == (copies["source"], "v1", 0)

    assert "→ off" in commands.said("mirror", "app", "--off")


def test_where_a_request_would_go_is_explained(commands: Setting) -> None:
    answer = json.loads(commands.said("explain", "GET", f"http://{manifests.HOST}/", "--json"))

    assert (answer["rule"]["name"], answer["through"]["gateway"]) == ("main", 80)
    assert [(each["subset"], float(each["percent"])) for each in answer["destinations"] if float(each["percent"])] == [
        ("v1", 100)
    ]


def test_files_are_checked_and_their_change_is_planned(commands: Setting) -> None:
    site = commands.site
    assert commands.run("check", str(site.folder / "k8s")).status == 0
    assert commands.run("plan", str(site.folder / "k8s")).status == 0

    routes = manifests.virtual_service(manifests.split({"v1": 40, "v2": 60}))
    site.write("next/route.yaml", manifests.document(routes))
    outcome = commands.run("plan", str(site.folder / "next"), "--json")
    (route,) = json.loads(outcome.out)["routes"]
    assert (outcome.status, route["after"], route["moved_percent"]) == (3, "40 % to app v1, 60 % to app v2", 60.0)


def test_the_dashboards_link_lets_in(commands: Setting) -> None:
    if commands.mode == "embedded":
        assert _title(commands.said("dashboard", "--no-open").strip()) == "Graph · Turnout"
        return
    with _foreground(commands, "dashboard", "--no-open") as link:
        assert _title(link) == "Graph · Turnout"


def test_a_prometheus_of_ones_own_gets_what_it_needs(commands: Setting) -> None:
    if commands.mode == "embedded":
        assert "job_name: turnout" in commands.said("export", "prometheus")
    else:
        at = f"http://127.0.0.1:{commands.front.prometheus_port}"
        assert "/federate" in commands.said("export", "prometheus", "--prometheus", at)


def test_live_objects_of_a_cluster_are_checked_with_what_files_would_break(setting: Setting) -> None:
    setting.mode = "cluster"
    assert "objects of the cluster" in setting.run("check").err

    setting.site.write("next/rule.yaml", manifests.document(manifests.destination_rule({"v1": "v1"})))
    outcome = setting.run("check", str(setting.site.folder / "next" / "rule.yaml"))

    assert outcome.status == 1
    assert outcome.out.startswith("VirtualService default/app spec.http[0].route[1].destination.subset: error:")


def test_every_write_on_a_cluster_is_a_small_guarded_patch_under_turnouts_name(setting: Setting) -> None:
    setting.mode = "cluster"
    setting.front.requests.clear()
    setting.said("shift", "app", "v2=7")
    setting.said("undo")

    writes = [request for request in setting.front.requests if request.method not in ("GET", "POST")]
    assert {request.method for request in writes} == {"PATCH"}
    for request in writes:
        assert "fieldManager=turnout" in request.path
        guard, *operations = json.loads(request.body)
        assert (guard["op"], guard["path"]) == ("test", "/metadata/resourceVersion")
        assert {operation["path"] for operation in operations} == {
            "/spec/http/0/route/0/weight",
            "/spec/http/0/route/1/weight",
        }


def test_shifts_get_through_beside_somebody_who_writes_all_the_time(setting: Setting) -> None:
    setting.mode = "cluster"
    over, written = threading.Event(), 0

    def write() -> None:
        nonlocal written
        with setting.site.client() as client:
            while not over.wait(0.05):
                written += 1
                meta = {"annotations": {"example.com/count": str(written)}}
                client.patch(VIRTUAL_SERVICE, "default", "app", {"metadata": meta})

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for weight in (11, 22, 33):
            assert f"→ {weight}" in setting.said("shift", "app", f"v2={weight}")
    finally:
        over.set()
        writer.join(20)

    with setting.site.client() as client:
        found = client.get(VIRTUAL_SERVICE, "default", "app")
    assert [each["weight"] for each in found["spec"]["http"][0]["route"]] == [67, 33]
    assert found["metadata"]["annotations"]["example.com/count"] == str(written)


def test_where_istio_says_nothing_a_change_is_accepted_and_not_waited_for(setting: Setting) -> None:
    setting.mode, setting.front.plain_istio = "cluster", True
    try:
        said = setting.said("shift", "app", "v2=9")
        assert "accepted in" in said
        assert "Istio hands it to the proxies by itself" in said
        setting.said("undo")
    finally:
        setting.front.plain_istio = False


def test_without_a_prometheus_a_cluster_is_shown_all_the_same(setting: Setting) -> None:
    setting.mode = "cluster"
    outcome = setting.run("status", "--prometheus", "http://127.0.0.1:1")

    assert outcome.status == 0
    assert "1/1" in outcome.out
    assert "cannot ask Prometheus at http://127.0.0.1:1" in outcome.out


def test_every_right_that_is_asked_for_is_needed(setting: Setting) -> None:
    """By the tests above; routes of Gateway API are written as VirtualServices are, and watched only when slow."""
    rights = setting.front.rights
    unused = {(resource, verb) for resource, verb in rights.granted - rights.used if not resource.endswith("routes")}

    assert unused <= {("networking.istio.io/virtualservices", "watch")}


def _busy(commands: Setting, subset: str) -> dict[str, Any] | None:
    """With a latency: Envoy's histograms come a look later than its counters."""
    version = commands.version(subset)
    return version if version["rate"] > 0 and version["p50_ms"] else None


def _edge(commands: Setting, *, mirrored: bool) -> dict[str, Any] | None:
    edges = json.loads(commands.said("graph", "--json"))["edges"]
    return next((edge for edge in edges if edge["mirrored"] is mirrored and edge["requests"] > 0), None)


def _title(link: str) -> str:
    opener = build_opener(ProxyHandler({}), HTTPCookieProcessor())
    page: str = opener.open(link, timeout=20).read().decode()
    return page.partition("<title>")[2].partition("</title>")[0]


@contextmanager
def _foreground(commands: Setting, *arguments: str) -> Iterator[str]:
    """The first line of a command that runs until it is told to end; it ends well."""
    argv = [sys.executable, "-m", "turnout", *arguments, "--kubeconfig", str(commands.kubeconfig)]
    site = commands.site
    with subprocess.Popen(argv, cwd=site.folder, env=site.environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) in (0, 1, 130, -signal.SIGINT)
