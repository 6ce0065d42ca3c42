"""Many services at once, made up: a Service, a DestinationRule with two subsets and a VirtualService each."""

from __future__ import annotations

from pathlib import Path

from turnout.mesh.service import Instance, InstancePort

GATEWAY = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: front
spec:
  selector:
    istio: ingressgateway
  servers:
    - port: {number: 80, name: http, protocol: HTTP}
      hosts: ["*.bench.test"]
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: NAME
spec:
  selector:
    app: NAME
  ports:
    - name: http
      port: 80
      targetPort: 8080
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: NAME
spec:
  host: NAME
  subsets:
    - name: v1
      labels:
        version: v1
    - name: v2
      labels:
        version: v2
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: NAME
spec:
  hosts:
    - NAME
    - NAME.bench.test
  gateways:
    - front
    - mesh
  http:
    - name: split
      route:
        - destination:
            host: NAME
            subset: v1
          weight: 90
        - destination:
            host: NAME
            subset: v2
          weight: 10
"""


def name(number: int) -> str:
    """The service's name, also its pods' `app` label."""
    return f"service-{number:04d}"


def write(folder: Path, services: int) -> None:
    """One file per service, and one for the Gateway."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "gateway.yaml").write_text(GATEWAY)
    for number in range(services):
        (folder / f"{name(number)}.yaml").write_text(SERVICE.replace("NAME", name(number)))


def instances(services: int) -> list[Instance]:
    """A pod of each version of each service."""
    return [
        Instance(
            namespace="default",
            workload=f"{name(number)}-{version}",
            name=f"{name(number)}-{version}-0",
            address="127.0.0.1",
            ports=(InstancePort(8080, 20_000 + number % 10_000),),
            labels={"app": name(number), "version": version},
        )
        for number in range(services)
        for version in ("v1", "v2")
    ]
