"""What is read of a cluster, and what is remembered of it."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.apiserver.samples import TOKEN, serving, virtual_service

from turnout.apiserver import kubeconfig
from turnout.client import Client
from turnout.client.kubeconfig import access
from turnout.cluster.client import ClusterClient
from turnout.cluster.history import MOST_STEPS, History
from turnout.cluster.live import read, unseen
from turnout.cluster.site import Site
from turnout.error import ApiError
from turnout.evidence.finding import found, named
from turnout.resources.kinds import GATEWAY_CLASS, NAMESPACE, POD, SERVICE, VIRTUAL_SERVICE, Kind

ITEM = {"metadata": {"name": "a", "namespace": "shop"}}


class Guarded:
    """A client that may list only what is said: of all namespaces, or of its own."""

    namespace = "shop"

    def __init__(self, everywhere: set[Kind], here: set[Kind], absent: set[Kind] | None = None) -> None:
        self._everywhere, self._here, self._absent = everywhere, here, absent or set()

    def list(self, kind: Kind, namespace: str = "") -> Mapping[str, Any]:
        if kind in self._absent:
            raise ApiError(404, "NotFound", "no such kind")
        if kind not in (self._here if namespace else self._everywhere):
            raise ApiError(403, "Forbidden", f"{kind.plural} is forbidden")
        return {"items": [{**ITEM, "apiVersion": kind.api_version, "kind": kind.kind}]}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An API with a VirtualService, and nothing of Turnout's own but that."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with serving(tmp_path / "state.db", {}) as server:
        path = tmp_path / "kubeconfig"
        kubeconfig.write(path, f"http://127.0.0.1:{server.port}", TOKEN)
        server.do(lambda store: store.create(VIRTUAL_SERVICE, virtual_service(hosts=["a"], http=[])))
        yield Site(access(path))


def test_what_may_not_be_listed_everywhere_is_listed_at_home_and_said_so() -> None:
    client = Guarded({SERVICE}, {POD}, {VIRTUAL_SERVICE})
    live = read(client, (SERVICE, POD, VIRTUAL_SERVICE, GATEWAY_CLASS))  # type: ignore[arg-type] # it lists as a client

    assert [obj["kind"] for obj in live.objects] == ["Service", "Pod"]
    assert (live.partly, live.unread) == (("Pod",), ("GatewayClass",))
    assert list(unseen(live)) == ["Pod: only those of the own namespace may be read, so others are not looked at"]


def test_another_refusal_is_one() -> None:
    class Broken(Guarded):
        def list(self, kind: Kind, namespace: str = "") -> Mapping[str, Any]:
            raise ApiError(500, "InternalError", "etcd is gone")

    with pytest.raises(ApiError, match="etcd"):
        read(Broken(set(), set()), (SERVICE,))  # type: ignore[arg-type] # it lists as a client


def test_views_are_worked_out_here_and_what_cannot_be_told_is_refused(cluster: Site) -> None:
    with ClusterClient(cluster, alone=True) as client:
        seen = client.view("status")
        assert seen["cluster"]["context"] == "turnout"
        assert next(problem["code"] for problem in seen["problems"]) == "TNO420"
        assert client.view("routes")[0]["name"] == "cluster"
        for name in ("traces", "comparison", "counts"):
            with pytest.raises(ApiError, match=f"{name} cannot be told of a cluster"):
                client.view(name)
        with pytest.raises(ApiError, match="logs cannot be followed"):
            client.stream("logs")


def test_steps_are_kept_for_their_cluster_and_for_their_user_alone(tmp_path: Path) -> None:
    history = History(tmp_path / "deep" / "steps.json")
    for number in range(MOST_STEPS + 2):
        assert history.add({"command": str(number), "objects": [1]})["number"] == number + 1
    history.mark_undone(MOST_STEPS + 2)

    steps = History(tmp_path / "deep" / "steps.json").all()
    assert (len(steps), steps[0]["number"], steps[-1]["undone"]) == (MOST_STEPS, 3, True)
    assert stat.S_IMODE((tmp_path / "deep" / "steps.json").stat().st_mode) == 0o600


def test_a_history_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "steps.json").write_text("{")
    assert History(tmp_path / "steps.json").all() == []


@pytest.mark.parametrize(
    ("services", "path"),
    [
        ([("other", {}), ("prometheus", {})], "http:prometheus:9090"),
        ([("metrics", {"app.kubernetes.io/name": "prometheus"})], "http:metrics:9090"),
        ([("grafana", {})], None),
    ],
)
def test_prometheus_is_looked_for_beside_istio(
    services: list[tuple[str, dict[str, str]]], path: str | None, cluster: Site
) -> None:
    with cluster.open() as client:
        client.create(NAMESPACE, {"metadata": {"name": "istio-system"}})
        for name, labels in services:
            meta = {"name": name, "namespace": "istio-system", "labels": labels}
            client.create(SERVICE, {"metadata": meta, "spec": {"ports": [{"port": 80}, {"port": 9090}]}})
        seen = found(client)

    assert (seen.path if seen else None) == (path and f"/api/v1/namespaces/istio-system/services/{path}/proxy")


def test_it_may_be_named_by_its_address_or_its_service() -> None:
    client = Client.__new__(Client)

    assert named(client, "http://a:9090/").url == "http://a:9090"
    assert named(client, "monitoring/prom:80").path == "/api/v1/namespaces/monitoring/services/http:prom:80/proxy"
