"""A cluster's pods, as routing and people see them."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.cluster.pods import instances, pods, workload


def pod(*, ready: bool = True, **more: Any) -> dict[str, Any]:
    meta = {
        "name": "app-v1-6d5f-x",
        "namespace": "shop",
        "labels": {"app": "app", "pod-template-hash": "6d5f"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "app-v1-6d5f", "controller": True}],
        **more.pop("metadata", {}),
    }
    ports = [{"name": "http", "containerPort": 8080}]
    status = {
        "phase": "Running",
        "podIP": "10.0.0.7",
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        **more.pop("status", {}),
    }
    return {"metadata": meta, "spec": {"containers": [{"name": "app", "ports": ports}]}, "status": status, **more}


@pytest.mark.parametrize(
    ("owners", "name"),
    [
        ([{"kind": "ReplicaSet", "name": "app-v1-6d5f", "controller": True}], "app-v1"),
        ([{"kind": "StatefulSet", "name": "store", "controller": True}], "store"),
        ([], "app-v1-6d5f-x"),
    ],
)
def test_a_pods_workload_is_what_istios_metrics_call_it(owners: list[dict[str, Any]], name: str) -> None:
    assert workload(pod(metadata={"ownerReferences": owners})) == name


def test_a_ready_pod_may_be_sent_requests_at_its_own_address() -> None:
    (found,) = instances([pod()])

    assert (found.address, found.workload, found.ports[0].container_port, found.ports[0].name) == (
        "10.0.0.7",
        "app-v1",
        8080,
        "http",
    )


def test_one_that_is_not_ready_gets_none_and_one_that_is_deleted_only_finishes() -> None:
    assert list(instances([pod(ready=False)])) == []
    (found,) = instances([pod(metadata={"deletionTimestamp": "2026-01-02T03:04:05Z"})])
    assert found.draining


def test_why_a_pod_waits_is_told_in_kubernetes_words() -> None:
    waiting = {"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}, "restartCount": 4}
    (found,) = pods([pod(ready=False, status={"containerStatuses": [waiting]})])

    assert (found.phase, found.message, found.restarts) == ("crash-loop", "CrashLoopBackOff: back-off 10s", 4)


def test_what_has_run_to_its_end_is_no_pod_any_more() -> None:
    assert pods([pod(status={"phase": "Succeeded"})]) == []
