"""What can be asked of a pod besides its object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.routing import BaseRoute, Route, WebSocketRoute

from turnout.apiserver.pod_exec import Inside, PodExec
from turnout.apiserver.pod_log import PodLog
from turnout.apiserver.pod_metrics import API_VERSION, PodMetrics
from turnout.apiserver.store import Store
from turnout.apiserver.stream import Streams
from turnout.apiserver.view import View

POD = "/api/v1/namespaces/{namespace}/pods/{name}"
METRICS = f"/apis/{API_VERSION}"
UPGRADES = ["GET", "POST"]


def pod_routes(store: Store, views: Mapping[str, View], streams: Streams, inside: Inside | None) -> Sequence[BaseRoute]:
    """They stand before those of resources, of whose paths they are a part."""
    log = PodLog(store, views.get("logs"), streams)
    execution = PodExec(store, inside)
    metrics = PodMetrics(store, views.get("usage"))
    return [
        Route(f"{POD}/log", log.serve),
        WebSocketRoute(f"{POD}/exec", execution.serve),
        Route(f"{POD}/exec", execution.refuse, methods=UPGRADES),
        Route(f"{POD}/attach", execution.attach, methods=UPGRADES),
        Route(f"{POD}/portforward", execution.forward, methods=UPGRADES),
        Route(f"{METRICS}/pods", metrics.list),
        Route(f"{METRICS}/namespaces/{{namespace}}/pods", metrics.list),
        Route(f"{METRICS}/namespaces/{{namespace}}/pods/{{name}}", metrics.get),
    ]
