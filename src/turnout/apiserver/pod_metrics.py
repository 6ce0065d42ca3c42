"""`kubectl top pods`: Kubernetes' resource metrics, of processes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from turnout.apiserver import message
from turnout.apiserver.selector import selector
from turnout.apiserver.status import not_found, path_not_found
from turnout.apiserver.store import Store
from turnout.apiserver.view import View, ViewRequest
from turnout.resources.kinds import POD

API_VERSION = "metrics.k8s.io/v1beta1"


class PodMetrics:
    """The resource `pods` of metrics.k8s.io, from the view `usage`."""

    def __init__(self, store: Store, view: View | None) -> None:
        self._store = store
        self._view = view

    async def list(self, request: Request) -> Response:
        """Of one namespace, or of all; a pod without a process has none."""
        query, place = request.query_params, request.path_params.get("namespace", "")
        selects = selector(query.get("labelSelector", ""), query.get("fieldSelector", ""))
        used = await self._used()
        pods = [pod for pod in self._store.list(POD, place) if selects(pod)]
        items = [_metrics(pod, used[key]) for pod in pods if (key := _key(pod)) in used]
        return message.answer({"kind": "PodMetricsList", "apiVersion": API_VERSION, "metadata": {}, "items": items})

    async def get(self, request: Request) -> Response:
        """Of one pod. Raises StatusError 404."""
        namespace, name = request.path_params["namespace"], request.path_params["name"]
        pod, used = self._store.get(POD, namespace, name), await self._used()
        if pod is None or _key(pod) not in used:
            raise not_found(POD, name)
        return message.answer(_metrics(pod, used[_key(pod)]))

    async def _used(self) -> Mapping[str, Mapping[str, float]]:
        if self._view is None:
            raise path_not_found()
        found: Mapping[str, Mapping[str, float]] = await self._view(ViewRequest("GET"))
        return found


def _key(pod: Mapping[str, Any]) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _metrics(pod: Mapping[str, Any], used: Mapping[str, float]) -> dict[str, Any]:
    meta = pod["metadata"]
    containers = pod["spec"].get("containers") or [{}]
    usage = {"cpu": f"{round(used['cores'] * 1e9)}n", "memory": f"{round(used['bytes'] / 1024)}Ki"}
    return {
        "kind": "PodMetrics",
        "apiVersion": API_VERSION,
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], "labels": meta.get("labels") or {}},
        "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "window": "250ms",
        "containers": [{"name": containers[0].get("name", ""), "usage": usage}],
    }
