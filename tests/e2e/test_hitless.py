"""Whatever is changed under load, no request fails: 550 requests/s, and 20 under way that take 2 s each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from tests.e2e.manifests import deployment, destination_rule, split, virtual_service
from tests.e2e.site import Site, until
from tests.e2e.traffic import traffic

from turnout.client import Client
from turnout.client.change import carry_out
from turnout.delivery.edit import Refusal
from turnout.delivery.weights import shift
from turnout.mesh.names import fqdn
from turnout.resources.kinds import DEPLOYMENT, VIRTUAL_SERVICE

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

WEIGHTS = [0, 1, 50, 99, 100, 10]


async def repeat(times: int, act: Callable[[int], None], pause_seconds: float = 0.0) -> None:
    """In a thread, so that the traffic of this process flows on."""
    for index in range(times):
        await asyncio.to_thread(act, index)
        await asyncio.sleep(pause_seconds)


async def test_200_weight_changes_fail_no_request(site: Site) -> None:
    """As `turnout shift` makes them: each acknowledged by Envoy before the next."""
    site.up()
    with site.client() as client:
        async with traffic(site.port) as seen:
            await repeat(200, lambda index: shift_once(client, WEIGHTS[index % len(WEIGHTS)]), 0.05)
    seen.assert_unharmed()
    assert {row.version for row in seen.reports["fast"].versions} == {"v1", "v2"}


def shift_once(client: Client, percent: int) -> None:
    before = client.list(VIRTUAL_SERVICE)["items"]
    edits = shift(before, fqdn("app", "default"), {"v2": Decimal(percent)}, None)
    assert not isinstance(edits, Refusal)
    assert carry_out(client, edits, before, "shift").acknowledged


async def test_20_rolling_restarts_fail_no_request(site: Site) -> None:
    """Of a workload with two replicas that gets all the traffic, as `kubectl rollout restart` asks for them.

    SIGTERM ends its processes at once: that no request is lost is not their merit.
    """
    site.apply("v1.yaml", deployment("v1", replicas=2, env={"RUDE": "yes"}))
    site.up()
    with site.client() as client:
        pids = {pod["pid"] for pod in site.pods("app-v1")}
        async with traffic(site.port) as seen:
            await repeat(20, lambda index: restart(site, client, str(index), pids))
    seen.assert_unharmed()
    assert len(pids) == 2 + 40


def restart(site: Site, client: Client, marker: str, pids: set[int]) -> None:
    """Until both replicas are new ones and in service."""
    annotations = {"kubectl.kubernetes.io/restartedAt": marker}
    patch = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
    old = set(pids)
    client.patch(DEPLOYMENT, "default", "app-v1", patch)

    def renewed() -> set[int] | None:
        pods = client.view("status")["workloads"][0]["pods"]
        serving = {pod["pid"] for pod in pods if pod["ready"]}
        return serving if len(serving) == 2 and not serving & old else None

    pids |= until("both replicas are new", renewed)


async def test_50_applies_fail_no_request(site: Site) -> None:
    """Saved files that add subsets and routes and take them away again, with requests under way to them."""
    (site.folder / "k8s" / "rule.yaml").unlink()
    (site.folder / "k8s" / "route.yaml").unlink()
    apply(site, 0)
    site.up()
    with site.client() as client:
        async with traffic(site.port) as seen:
            await repeat(50, lambda index: applied(site, client, index + 1), 0.2)
    seen.assert_unharmed()
    kinds = {row.version.partition("-")[0] for row in seen.reports["fast"].versions}
    assert kinds == {"v1", "v2", "passing"}, "v2 answers as whichever subset it was asked as"


def apply(site: Site, index: int) -> str:
    """One file, saved: each odd one has another subset, that half of the traffic goes to, and another route."""
    if index % 2 == 0:
        split_now, subsets = split({"v1": 50, "v2": 50}), {"v1": "v1", "v2": "v2"}
        routes = [split_now]
    else:
        passing = f"passing-{index}"
        subsets = {"v1": "v1", "v2": "v2", passing: "v2"}
        routes = [split({passing: 100}, name=passing, path="/slow"), split({"v1": 50, passing: 50})]
    site.apply("mesh.yaml", destination_rule(subsets), virtual_service(*routes))
    return json.dumps(routes, sort_keys=True)


def applied(site: Site, client: Client, index: int) -> None:
    """Saved, and acknowledged by Envoy."""
    routes = apply(site, index)

    def served() -> bool:
        live = client.get(VIRTUAL_SERVICE, "default", "app")
        same = json.dumps(live["spec"]["http"], sort_keys=True) == routes
        return same and live.get("status", {}).get("observedGeneration") == live["metadata"]["generation"]

    until(f"apply {index} is served", served)
