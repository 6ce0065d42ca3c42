"""The manifests of a service in three versions, for tests of the plugin."""

from __future__ import annotations

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {selector: {app: reviews}, ports: [{port: 80, name: http}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
  - {name: v3, labels: {version: v3}}
"""


def routes(http: str, *, head: str = "") -> str:
    """A VirtualService of the service with these `http` entries, as YAML in flow style."""
    return f"""\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: reviews}}
spec:
  hosts: [reviews]
  {head}
  http: {http}
"""


def to(*choices: str) -> str:
    """`v1`, or `v1=90`, `v2=10`: a list of destinations."""
    return "[" + ", ".join(_destination(choice) for choice in choices) + "]"


def _destination(choice: str) -> str:
    subset, _, weight = choice.partition("=")
    return f"{{destination: {{host: reviews, subset: {subset}}}{', weight: ' + weight if weight else ''}}}"
