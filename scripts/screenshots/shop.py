"""What the pictures show: the dark launch, with a second version that has begun to answer, and a third in secret."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.launch import EXAMPLE, URL
from tests.e2e.site import Site

RATE, MANY = 40, 150
SAMPLING_PERCENT = "20"
ROUTES = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: recommendation
spec:
  hosts: [recommendation]
  http:
    # Whoever asks for it gets the new version at once.
    - name: beta
      match:
        - headers:
            x-beta: {exact: "yes"}
      route:
        - destination: {host: recommendation, subset: v2}
    - name: main
      timeout: 2s
      fault:
        delay: {fixedDelay: 20ms, percentage: {value: 25}}
      route:
        - destination: {host: recommendation, subset: v1}
          weight: 90
        - destination: {host: recommendation, subset: v2}
          weight: 10
      mirror: {host: recommendation, subset: v3}
      mirrorPercentage: {value: 100}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: recommendation
spec:
  host: recommendation
  subsets:
    - {name: v1, labels: {version: v1}}
    - {name: v2, labels: {version: v2}}
    - {name: v3, labels: {version: v3}}
"""
PLAIN_ROUTES = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: recommendation
spec:
  hosts: [recommendation]
  http:
    - name: main
      route:
        - destination: {host: recommendation, subset: v1}
"""
EXPECTATIONS = """\
accept:
  - path: $.version
    why: each version says which one it is
"""
ROLLOUT = """\
apiVersion: turnout.dev/v1alpha1
kind: Rollout
metadata:
  name: recommendation-v2
spec:
  service: recommendation
  from: v1
  to: v2
  minTime: 5s
  steps:
    - mirror: {percent: 100}
    - weight: 5
    - weight: 25
    - weight: 50
  guards:
    - errors: {tolerance: 2}
    - slow: {quantile: 0.9, tolerance: 10}
"""
MISTAKE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: preference
spec:
  hosts: [preference]
  http:
    - route:
        - destination: {host: preference}
          wieght: 100
"""


@contextmanager
def shop() -> Iterator[Site]:
    """It runs. Its folder's name is what the top bar shows."""
    outer = Path(tempfile.mkdtemp(prefix="tno-")).resolve()
    site = Site(outer / "shop")
    try:
        _lay_out(site)
        site.up("--trace-sampling", SAMPLING_PERCENT, seconds=60)
        yield site
    finally:
        site.close()
        shutil.rmtree(outer, ignore_errors=True)


def _lay_out(site: Site) -> None:
    shutil.copytree(EXAMPLE, site.folder)
    (site.folder / "manifests").rename(site.folder / "k8s")
    (site.folder / "tmp").mkdir()
    (site.folder / "k8s" / "dark-launch.yaml").unlink()
    second = (site.folder / "k8s" / "recommendation-v2.yaml").read_text()
    third = second.replace("v2", "v3").replace('value: ""', "value: missing")
    site.write("k8s/recommendation-v3.yaml", third)
    site.write("k8s/routes.yaml", ROUTES)
    site.write("expectations.yaml", EXPECTATIONS)


def simplify(site: Site) -> None:
    """All requests go to the first version, at once."""
    site.write("k8s/routes.yaml", PLAIN_ROUTES + ROUTES[ROUTES.index("---") :])


def begin_a_rollout(site: Site) -> None:
    """As people do who keep it with their manifests."""
    site.write("k8s/to-v2.yaml", ROLLOUT)


def make_a_mistake(site: Site) -> None:
    """In a file, as people do."""
    site.write("k8s/preference-route.yaml", MISTAKE)


@contextmanager
def traffic(site: Site, rate: int = RATE) -> Iterator[None]:
    """At a constant rate, while the block runs; whoever asks wants JSON."""
    accept = ("-H", "accept: application/json")
    argv = [sys.executable, "-m", "turnout", "load", "--rate", str(rate), "-t", "15m", *accept, URL]
    with subprocess.Popen(argv, cwd=site.folder, env=site.environment, stdout=subprocess.DEVNULL) as load:
        try:
            yield
        finally:
            load.terminate()
