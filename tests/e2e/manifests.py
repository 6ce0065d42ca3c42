"""What a site is made of: one service `app` in versions, a Gateway before it, and one route that splits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

HOST = "app.test"
Object = dict[str, Any]


def service(name: str = "app") -> Object:
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return _object("v1", "Service", name, {"selector": {"app": name}, "ports": ports})


def deployment(
    version: str,
    *,
    app: str = "app",
    replicas: int = 1,
    env: Mapping[str, str] | Sequence[Object] = (),
    **container: Any,
) -> Object:
    """`<app>-<version>`, run as the image `app`; `container` holds more fields of its one container."""
    labels = {"app": app, "version": version}
    more = [{"name": name, "value": value} for name, value in env.items()] if isinstance(env, Mapping) else env
    probe = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1}
    whole = {
        "name": "app",
        "image": "app:latest",
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "VERSION", "value": version}, *more],
        "readinessProbe": probe,
        **container,
    }
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [whole], "terminationGracePeriodSeconds": 10},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return _object("apps/v1", "Deployment", f"{app}-{version}", spec)


def gateway(host: str = HOST) -> Object:
    servers = [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": [host]}]
    return _object("networking.istio.io/v1", "Gateway", "gateway", {"servers": servers})


def destination_rule(subsets: Mapping[str, str], *, app: str = "app", **traffic_policy: Any) -> Object:
    """`subsets`: name to the version that it selects."""
    named = [{"name": subset, "labels": {"version": version}} for subset, version in subsets.items()]
    policy = {"trafficPolicy": traffic_policy} if traffic_policy else {}
    return _object("networking.istio.io/v1", "DestinationRule", app, {"host": app, "subsets": named, **policy})


def split(weights: Mapping[str, int], *, name: str = "main", path: str = "", app: str = "app") -> Object:
    """One HTTP route of a VirtualService."""
    route = [{"destination": {"host": app, "subset": key}, "weight": weight} for key, weight in weights.items()]
    return {"name": name, **({"match": [{"uri": {"prefix": path}}]} if path else {}), "route": route}


def virtual_service(*routes: Object, name: str = "app", host: str = HOST) -> Object:
    return _object(
        "networking.istio.io/v1", "VirtualService", name, {"hosts": [host], "gateways": ["gateway"], "http": [*routes]}
    )


def document(*objects: Object) -> str:
    """As YAML text: JSON is YAML, and each document begins anew."""
    return "".join(f"---\n{json.dumps(obj, indent=2)}\n" for obj in objects)


def _object(api_version: str, kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}
