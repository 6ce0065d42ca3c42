"""The projects that `turnout up` is given: one that costs nothing but the proxy, and the example of the articles."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from scripts.bench.envoy import HOST

EXAMPLE = Path(__file__).parents[2] / "examples" / "random-number"
EXAMPLE_HOST = "rewrite-app-with-istio.test"
SERVICE = "echo"
ROUTES = "routes.yaml"

_MESH = f"""\
apiVersion: v1
kind: Service
metadata: {{name: {SERVICE}}}
spec:
  selector: {{app: {SERVICE}}}
  ports: [{{name: http, port: 80, targetPort: 8080}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: front}}
spec:
  selector: {{istio: ingressgateway}}
  servers:
    - port: {{number: 80, name: http, protocol: HTTP}}
      hosts: [{HOST}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {SERVICE}}}
spec:
  host: {SERVICE}
  subsets:
    - {{name: v1, labels: {{version: v1}}}}
    - {{name: v2, labels: {{version: v2}}}}
"""
_ROUTES = f"""\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: {SERVICE}
spec:
  hosts: [{HOST}]
  gateways: [front]
  http:
    - name: split
      route:
        - destination: {{host: {SERVICE}, subset: v1}}
          weight: %d
        - destination: {{host: {SERVICE}, subset: v2}}
          weight: %d
"""
_ROUTE = f"""\
    - name: route-NUMBER
      match: [{{uri: {{exact: /NUMBER}}}}]
      route:
        - destination: {{host: {SERVICE}, subset: v1}}
          weight: 50
        - destination: {{host: {SERVICE}, subset: v2}}
          weight: 50
"""
_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: SERVICE-VERSION}
spec:
  replicas: 1
  selector: {matchLabels: {app: SERVICE, version: VERSION}}
  template:
    metadata: {labels: {app: SERVICE, version: VERSION}}
    spec:
      containers:
        - name: main
          image: SERVICE-VERSION
          ports: [{name: http, containerPort: 8080}]
"""


def write_echo(folder: Path, versions: Mapping[str, int]) -> Path:
    """Two versions of a service that run already, at these ports, split half and half."""
    folder.mkdir()
    (folder / "mesh.yaml").write_text(_MESH)
    images = []
    for version, port in versions.items():
        own = _DEPLOYMENT.replace("SERVICE", SERVICE).replace("VERSION", version)
        (folder / f"{version}.yaml").write_text(own)
        images.append(f"  {SERVICE}-{version}: {{attach: 127.0.0.1:{port}}}\n")
    (folder / "turnout.yaml").write_text("images:\n" + "".join(images))
    write_weights(folder, 50, 50)
    return folder


def write_weights(folder: Path, v1: int, v2: int) -> None:
    """As an editor saves it."""
    (folder / ROUTES).write_text(_ROUTES % (v1, v2))


def write_routes(folder: Path, versions: Mapping[str, int], routes: int) -> Path:
    """The same, with a route of its own for each of the paths `/0`, `/1`, …: two kinds of requests each."""
    write_echo(folder, versions)
    rules = "".join(_ROUTE.replace("NUMBER", str(number)) for number in range(routes))
    (folder / ROUTES).write_text(_ROUTES.partition("    - name")[0] + rules)
    return folder


def write_example(folder: Path) -> Path:
    """The random-number example in its last phase; without Go, in the last that needs none."""
    phases = ["phase-1", "phase-2"] + (["phase-3", "phase-3-fixed"] if shutil.which("go") else [])
    for phase in phases:
        shutil.copytree(EXAMPLE / phase, folder, dirs_exist_ok=True)
    return folder
