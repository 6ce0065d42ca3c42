"""A mesh of Gateway API for tests: two services, a gateway, and routes as they are needed."""

from __future__ import annotations

import textwrap

SERVICES = """
apiVersion: v1
kind: Service
metadata: {name: a}
spec: {selector: {app: a}, ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: b}
spec: {selector: {app: b}, ports: [{name: http, port: 80}]}
"""
GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec: {gatewayClassName: istio, listeners: [{name: http, port: 80, protocol: HTTP}]}
"""
ISTIO_GATEWAY = """
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: istio}
spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}
"""


def http_route(rules: str, name: str = "route", parents: str = "[{name: web}]", **spec: str) -> str:
    """`rules` and what else is given: YAML."""
    return _route("HTTPRoute", rules, name, parents, spec)


def grpc_route(rules: str, name: str = "route", parents: str = "[{name: web}]", **spec: str) -> str:
    return _route("GRPCRoute", rules, name, parents, spec)


def _route(kind: str, rules: str, name: str, parents: str, spec: dict[str, str]) -> str:
    fields = "".join(f"  {key}: {value}\n" for key, value in {"parentRefs": parents, **spec}.items())
    head = f"apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{fields}"
    return head + "  rules:\n" + textwrap.indent(textwrap.dedent(rules).strip(), "    ") + "\n"


def virtual_service(http: str, host: str = "'*'", gateway: str = "istio") -> str:
    """`http`: YAML."""
    head = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: vs}\nspec:\n"
    head += f"  hosts: [{host}]\n  gateways: [{gateway}]\n  http:\n"
    return head + textwrap.indent(textwrap.dedent(http).strip(), "    ") + "\n"


def together(*manifests: str) -> str:
    return "\n---\n".join(manifests)
