"""A version takes over, and another goes back, as a user at a terminal has it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.e2e import manifests
from tests.e2e.manifests import HOST
from tests.e2e.site import Outcome, Site

from turnout.load import Plan, run

pytestmark = pytest.mark.e2e

ROLLOUT = {
    "apiVersion": "turnout.dev/v1alpha1",
    "kind": "Rollout",
    "metadata": {"name": "app-v2"},
    "spec": {"service": "app", "from": "v1", "to": "v3", "steps": [{"weight": 5}]},
}


@asynccontextmanager
async def users(site: Site) -> AsyncIterator[None]:
    """300 requests per second, all of which have to be answered."""
    stop = asyncio.Event()
    plan = Plan(f"http://{HOST}/", rate=300.0, connect=("127.0.0.1", site.port))
    sending = asyncio.create_task(run(plan, stop=stop))
    try:
        yield
    finally:
        stop.set()
        report = await sending
    assert (report.failed, set(report.codes)) == (0, {200}), report


async def typed(site: Site, *arguments: str) -> Outcome:
    """`turnout rollout …`, which ends well."""
    outcome = await asyncio.to_thread(site.run, "rollout", *arguments)
    assert outcome.status == 0, outcome
    return outcome


async def test_a_version_takes_over_and_another_goes_back(site: Site) -> None:
    site.up()
    async with users(site):
        hook = ("--hook-exec", "sh -c 'cat >> told; echo >> told'")
        start = ("start", "app", "--to", "v2", "--min-time", "1s", "--guard", "errors:20", *hook)
        followed = await typed(site, *start, "--steps", "50")
        assert "step 1 of 2: weight 50 %" in followed.out
        assert "verdict: errors: fine" in followed.out
        assert followed.out.splitlines()[-1].endswith("app-v2: finished: all traffic is at the candidate")
        assert site.get().version == "v2"
        told = [json.loads(line) for line in (site.folder / "told").read_text().splitlines()]
        assert [event["what"] for event in told][:2] == ["start", "step"]

        back = await typed(site, "start", "app", "--to", "v1", "--steps", "10,pause", "--no-follow")
        assert "app.default.svc.cluster.local from v2 to v1" in back.out
        refused = await asyncio.to_thread(site.run, "rollout", "start", "app", "--to", "v1", "--name", "another")
        assert (refused.status, refused.err.splitlines()[0]) == (1, "error: app-v1 is under way for app")
        assert "requests moved: in force after" in (await typed(site, "abort")).out

        history = json.loads((await typed(site, "history", "app-v1", "--json")).out)
        assert (history["status"]["phase"], history["status"]["why"]) == ("aborted", "aborted by order")
        assert [event["what"] for event in history["events"]][:2] == ["start", "step"]
        assert {"order", "abort", "change"} <= {event["what"] for event in history["events"]}
        assert site.get().version == "v2"


def test_a_file_with_a_rollout_of_an_unknown_version_is_told_with_its_line(site: Site) -> None:
    site.write("k8s/app-v3.yaml", manifests.document(ROLLOUT))
    site.up()

    [told] = [problem for problem in site.status()["problems"] if problem["code"] == "TNO306"]
    assert told["where"].startswith("k8s/app-v3.yaml:")
    assert told["message"] == "app.default.svc.cluster.local has no subset v3"
