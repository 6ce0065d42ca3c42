"""A thousand services are read in the time that somebody waits for."""

from __future__ import annotations

import time

from turnout.resources.interpret import interpret
from turnout.resources.reader import read

SERVICES = 1000
TEMPLATE = """\
apiVersion: v1
kind: Service
metadata: {name: svc-N, labels: {app: svc-N}}
spec:
  selector: {app: svc-N}
  ports:
  - {name: http, port: 80, targetPort: 8080}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: svc-N
spec:
  replicas: 2
  selector:
    matchLabels:
      app: svc-N
  template:
    metadata:
      labels:
        app: svc-N
        version: v1
    spec:
      containers:
      - name: app
        image: svc-N:v1
        env:
        - name: UPSTREAM
          value: http://svc-0
        ports:
        - containerPort: 8080
        readinessProbe:
          httpGet:
            path: /healthz
            port: 8080
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: svc-N
spec:
  hosts: [svc-N]
  http:
  - match:
    - uri:
        prefix: /api
      headers:
        x-version: {exact: v2}
    route:
    - destination:
        host: svc-N
        subset: v1
      weight: 90
    - destination:
        host: svc-N
        subset: v2
      weight: 10
    retries: {attempts: 2, perTryTimeout: 1s, retryOn: 5xx}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: svc-N
spec:
  host: svc-N
  trafficPolicy:
    connectionPool:
      tcp: {maxConnections: 100}
  subsets:
  - name: v1
    labels: {version: v1}
  - name: v2
    labels: {version: v2}
---
"""


def test_a_thousand_services_are_read_and_interpreted_within_two_seconds() -> None:
    text = "".join(TEMPLATE.replace("svc-N", f"svc-{number}") for number in range(SERVICES))
    start = time.process_time()
    documents, problems = read(text, "all.yaml")
    found = [interpret(document.data, document) for document in documents]
    seconds = time.process_time() - start
    assert len(documents) == 4 * SERVICES
    assert problems == []
    assert [problem for each in found for problem in each.problems] == []
    assert seconds <= 2, f"{seconds:.2f} s"
