"""Objects to break in one place each."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

from turnout.problem import Problem
from turnout.resources.interpret import interpret
from turnout.resources.reader import read

ISTIO = "networking.istio.io/v1"


def virtual_service(**route: Any) -> dict[str, Any]:
    """A VirtualService of one route to `reviews`, with these fields of the route set; None takes a field away."""
    http = {"route": [{"destination": {"host": "reviews"}}], **route}
    return _object("VirtualService", {"hosts": ["reviews"], "http": [{k: v for k, v in http.items() if v is not None}]})


def destination_rule(**policy: Any) -> dict[str, Any]:
    """A DestinationRule for `reviews` with this traffic policy."""
    return _object("DestinationRule", {"host": "reviews", "trafficPolicy": policy})


def gateway(**server: Any) -> dict[str, Any]:
    """A Gateway of one server on port 80."""
    port = {"number": 80, "name": "http", "protocol": "HTTP"}
    return _object("Gateway", {"servers": [{"port": port, "hosts": ["*"], **server}]})


def service_entry(**spec: Any) -> dict[str, Any]:
    ports = [{"number": 80, "name": "http", "protocol": "HTTP"}]
    return _object("ServiceEntry", {"hosts": ["example.com"], "ports": ports, "resolution": "DNS", **spec})


def service(**spec: Any) -> dict[str, Any]:
    body = {"selector": {"app": "reviews"}, "ports": [{"port": 80}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "reviews"}, "spec": body}


def deployment(**container: Any) -> dict[str, Any]:
    labels = {"app": "reviews"}
    body = {"name": "app", "image": "reviews:v1", **container}
    template = {"metadata": {"labels": dict(labels)}, "spec": {"containers": [body]}}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "reviews"}, "spec": spec}


def _object(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": ISTIO, "kind": kind, "metadata": {"name": "reviews", "namespace": "default"}, "spec": spec}


def changed(obj: dict[str, Any], path: Sequence[str | int], value: Any) -> dict[str, Any]:
    """A copy with another value at this path; `...` takes it away."""
    result = copy.deepcopy(obj)
    target: Any = result
    for step in path[:-1]:
        target = target[step]
    if value is ...:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return result


def problems(obj: dict[str, Any]) -> list[Problem]:
    return interpret(obj).problems


def codes(obj: dict[str, Any]) -> list[str]:
    """The codes of all problems, each as often as it is found."""
    return [problem.code for problem in problems(obj)]


def in_file(text: str, file: str = "f.yaml") -> list[str]:
    """Every problem of a file, of its text and of its objects, as the user sees it."""
    documents, found = read(text, file)
    for document in documents:
        found += interpret(document.data, document).problems
    return [str(problem) for problem in found]


def as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
