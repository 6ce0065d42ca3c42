from __future__ import annotations

from typing import Any

from turnout.rollout.cluster import writer


def obj(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"managedFields": list(entries)}}


def wrote(manager: str, at: str, operation: str = "Update", field: str = "f:spec") -> dict[str, Any]:
    return {"manager": manager, "operation": operation, "time": at, "fieldsV1": {field: {}}}


OURS = wrote("turnout-controller", "2026-11-22T12:09:00Z")
ARGO = wrote("argocd-controller", "2026-11-22T12:05:00Z", "Apply")
KUBECTL = wrote("kubectl-edit", "2026-11-22T12:01:00Z")


def test_the_last_who_wrote_a_spec_besides_the_controller_is_named() -> None:
    assert writer([obj(KUBECTL, OURS)]) == "kubectl-edit, which wrote to the object at 2026-11-22T12:01:00Z"
    argo = "argocd-controller, which applied its objects at 2026-11-22T12:05:00Z"
    assert writer([obj(KUBECTL, OURS), obj(ARGO)]) == argo


def test_who_wrote_no_spec_is_not_named() -> None:
    assert writer([obj(KUBECTL, wrote("istiod", "2026-11-22T12:08:00Z", field="f:status"))]) == writer([obj(KUBECTL)])
    assert writer([obj(OURS)]) is None
    assert writer([{"metadata": {}}]) is None
