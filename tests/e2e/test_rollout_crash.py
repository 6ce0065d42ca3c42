"""Turnout is killed in every step of a rollout: it goes on where it was, and counts nothing twice."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.manifests import HOST
from tests.e2e.site import Site, until

from turnout.load import Plan, run
from turnout.resources.kinds import ROLLOUT

pytestmark = pytest.mark.e2e

RATE = 300.0
NAME = "app-v2"
STEPS = [
    {"compare": {"percent": 100}},
    {"mirror": {"percent": 100}},
    {"users": {"headers": {"x-group": {"exact": "beta"}}}},
    {"weight": 25},
    {"weight": 50},
    {"pause": {"duration": "1s"}},
]
SPEC = {
    "service": "app",
    "from": "v1",
    "to": "v2",
    "minTime": "1s",
    "maxTime": "120s",
    "steps": STEPS,
    "guards": [{"errors": {"tolerance": 10}}, {"regressions": {"tolerance": 20}}],
    "expectations": "expectations.yaml",
}
MEANT = "accept:\n  - path: $.version\n    why: it is another version\n"


def rollout(site: Site) -> dict[str, Any]:
    with site.client() as client:
        return dict(client.view(f"rollouts/default/{NAME}"))


def status(site: Site) -> dict[str, Any]:
    return dict(rollout(site)["status"])


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kills", [1, pytest.param(2, marks=pytest.mark.soak)])
async def test_a_rollout_survives_kill_9_in_every_step(site: Site, kills: int) -> None:
    shutil.copy(Path(__file__).with_name("json_service.py"), site.service_file)
    site.write("expectations.yaml", MEANT)
    up = site.up()
    stop = asyncio.Event()
    base, gateway = f"http://{HOST}/things", ("127.0.0.1", site.port)
    users = asyncio.create_task(run(Plan(base, rate=RATE, connect=gateway), stop=stop))
    testers = asyncio.create_task(
        run(Plan(base, rate=50.0, connect=gateway, headers=(("x-group", "beta"),)), stop=stop)
    )
    with site.client() as client:
        client.create(ROLLOUT, {"metadata": {"name": NAME, "namespace": "default"}, "spec": SPEC})
    killed: list[int] = []
    while (now := await asyncio.to_thread(_known, site))["phase"] == "running":
        if killed.count(now["step"]) < kills and now["step"] < len(STEPS):
            killed.append(now["step"])
            await asyncio.to_thread(up.kill)
            up = await asyncio.to_thread(site.up)
            after = await asyncio.to_thread(_known, site)
            assert (after["step"], after["startedAt"]) >= (now["step"], now["startedAt"]), "it went on where it was"
            assert after["step"] > now["step"] or after["countedSeconds"] >= now["countedSeconds"]
        await asyncio.sleep(0.3)
    stop.set()
    reports = [await users, await testers]

    assert now["phase"] == "finished", now
    assert [killed.count(step) for step in range(len(STEPS))] == [kills] * len(STEPS)
    for report in reports:
        assert (report.failed, set(report.codes)) == (0, {200}), report
    answers = sum(row.requests for report in reports for row in report.versions if row.version == "v2")
    assert 0 < _decided_on(site) <= answers, "no request counts twice"


def _known(site: Site) -> dict[str, Any]:
    return until("the rollout has a status", lambda: (found := status(site)).get("phase") and found)


def _decided_on(site: Site) -> int:
    """The candidate's requests, on which the steps that sent it users were passed."""
    passed = [event for event in rollout(site)["events"] if event["what"] == "step" and event["step"] in (3, 4, 5)]
    errors = [next(v for v in event["verdicts"] if v["guard"] == "errors") for event in passed]
    assert [event["text"] for event in passed] == ["weight 25 %", "weight 50 %", "pause"]
    return sum(verdict["candidate"]["total"] for verdict in errors)
