"""Guards that are queries of one's own: a service's counters in a real Prometheus, and those of Turnout itself."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.manifests import deployment, destination_rule
from tests.e2e.prometheus import Prometheus, program
from tests.e2e.rolling import Rolling, users
from tests.e2e.site import Site
from tests.ports import free_port

pytestmark = pytest.mark.e2e

ODD: Mapping[str, Mapping[str, str]] = {"v1": {}, "v2": {}, "v3": {"DECLINES": "0.5"}, "v4": {"LOSES": "0.5"}}
HALF = {"weight": 50}
ERRORS = {"errors": {"tolerance": 20}}
OWN = 'istio_requests_total{destination_service="$service.$namespace.svc.cluster.local", destination_version="$version"'
LOST = {"query": {"bad": f'sum({OWN}, response_code=~"4.."}})', "total": f"sum({OWN}}})", "tolerance": 20}}


async def test_a_query_decides_like_any_guard_and_holds_up_no_other_while_nobody_answers_it(site: Site) -> None:
    program()
    order_takers(site)
    await asyncio.to_thread(site.up)
    port = free_port()
    async with users(site):
        losing = Rolling(site, "v4", steps=[HALF], guards=[{**LOST, "name": "lost"}, declined(port)])
        lost = await asyncio.to_thread(losing.until, "aborted")
        healthy = Rolling(site, "v2", steps=[HALF], guards=[declined(port), ERRORS])
        silent = await asyncio.to_thread(healthy.until, "running", "cannot ask Prometheus at http://127.0.0.1")
        prometheus = await asyncio.to_thread(scraping, site, port)
        try:
            await asyncio.to_thread(healthy.until, "finished")
            declining = Rolling(site, "v3", **{"from": "v2"}, steps=[HALF], guards=[ERRORS, declined(port)])
            turned_down = await asyncio.to_thread(declining.until, "aborted")
        finally:
            prometheus.stop()

    assert lost["why"].startswith("lost: worse"), "one of Turnout's own counters, while nobody answers the other query"
    assert (silent["step"], kinds(silent)["query"]) == (0, "open")
    assert turned_down["why"].startswith("query: worse"), "all were answered 200"


def order_takers(site: Site) -> None:
    shutil.copy(Path(__file__).with_name("order_service.py"), site.service_file)
    for version, env in ODD.items():
        site.apply(f"{version}.yaml", deployment(version, env=env))
    site.apply("rule.yaml", destination_rule({version: version for version in ODD}))


def scraping(site: Site, port: int) -> Prometheus:
    """A Prometheus that asks each pod, whose version it knows."""
    pods = [(workload["name"], pod) for workload in site.status()["workloads"] for pod in workload["pods"]]
    targets = [
        {"targets": [f"127.0.0.1:{pod['ports']['8080']}"], "labels": {"version": name.rpartition("-")[2]}}
        for name, pod in pods
    ]
    scrapes = [
        {"job_name": "turnout", "scrape_interval": "300ms", "scrape_timeout": "300ms", "static_configs": targets}
    ]
    return Prometheus.start(site.folder / "prometheus", json.dumps({"scrape_configs": scrapes}), port)


def declined(port: int) -> dict[str, Any]:
    counters = {
        "bad": 'sum(orders_declined_total{version="$version"})',
        "total": 'sum(orders_total{version="$version"})',
    }
    return {"query": {**counters, "tolerance": 20, "prometheus": f"http://127.0.0.1:{port}"}}


def kinds(status: Mapping[str, Any]) -> dict[str, str]:
    return {verdict["guard"]: verdict["kind"] for verdict in status["verdicts"]}
