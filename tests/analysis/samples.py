"""Objects for tests of the analysis, from YAML."""

from __future__ import annotations

from datetime import UTC, datetime

from turnout.analysis.inventory import Inventory, Subject, inventory
from turnout.problem import Problem
from turnout.resources.interpret import interpret
from turnout.resources.reader import read

NOW = datetime(2026, 1, 1, tzinfo=UTC)

REVIEWS = """\
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: default}
spec: {selector: {app: reviews}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews, namespace: default}
spec:
  host: reviews
  subsets:
    - {name: v1, labels: {version: v1}}
    - {name: v2, labels: {version: v2}}
"""


def stock(*texts: str) -> Inventory:
    """All that the texts hold, also what is not valid."""
    objects = [document.data for text in texts for document in read(text, "input.yaml")[0]]
    return inventory([Subject(obj, interpret(obj).draft) for obj in objects], NOW)


def routes(http: str, name: str = "reviews", head: str = "hosts: [reviews]") -> str:
    """A VirtualService in `default`; `http`: its rules, as a flow sequence."""
    return f"""\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: default}}
spec: {{{head}, http: {http}}}
"""


def told(problems: list[Problem]) -> list[str]:
    """`CODE Kind namespace/name path: message`."""
    return [f"{problem.code} {problem.where}: {problem.message}" for problem in problems]
