"""`kubectl top pods`: what the view `usage` tells, in the form of Kubernetes' metrics."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.apiserver.samples import Served, serving

from turnout.apiserver.store import Store
from turnout.apiserver.view import ViewRequest
from turnout.resources.kinds import POD

ROOT = "/apis/metrics.k8s.io/v1beta1"


def _create(pod: dict[str, Any], store: Store) -> None:
    store.create(POD, pod)


async def usage(request: ViewRequest) -> Any:
    return {"default/a": {"cores": 0.0125, "bytes": 3 << 20}, "shop/b": {"cores": 0, "bytes": 0}}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "state.db", {"usage": usage}) as server:
        for namespace, name in (("default", "a"), ("shop", "b"), ("shop", "idle")):
            metadata = {"name": name, "namespace": namespace, "labels": {"app": name}}
            pod = {"metadata": metadata, "spec": {"containers": [{"name": "main"}]}}
            server.do(partial(_create, pod))
        yield server


def test_pods_that_run_have_cpu_and_memory(served: Served) -> None:
    _, found = served.request("GET", f"{ROOT}/pods")
    usages = {item["metadata"]["name"]: item["containers"][0]["usage"] for item in found["items"]}
    assert usages == {"a": {"cpu": "12500000n", "memory": "3072Ki"}, "b": {"cpu": "0n", "memory": "0Ki"}}
    assert len(served.request("GET", f"{ROOT}/namespaces/shop/pods")[1]["items"]) == 1
    assert served.request("GET", f"{ROOT}/pods?labelSelector=app%3Db")[1]["items"][0]["metadata"]["name"] == "b"


def test_one_pod_may_be_asked_for(served: Served) -> None:
    assert served.request("GET", f"{ROOT}/namespaces/default/pods/a")[1]["kind"] == "PodMetrics"
    for name in ("idle", "nobody"):
        assert served.request("GET", f"{ROOT}/namespaces/shop/pods/{name}")[0].status == 404
