"""Rollouts by `turnout controller`: with an API, a real Prometheus, and nothing else of the instance that serves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.e2e.controlling import controlling, scraped, until_leading
from tests.e2e.rolling import users
from tests.e2e.site import Site, until

from turnout.resources.kinds import ROLLOUT

pytestmark = pytest.mark.e2e

SPEC: dict[str, Any] = {
    "service": "app",
    "from": "v1",
    "to": "v2",
    "minTime": "1s",
    "maxTime": "60s",
    "steps": [{"mirror": {"percent": 100}}, {"weight": 50}],
    "guards": [{"errors": {"tolerance": 20}}],
}


def begin(site: Site, name: str = "app-v2", **spec: Any) -> None:
    with site.client() as client:
        client.create(ROLLOUT, {"metadata": {"name": name, "namespace": "default"}, "spec": {**SPEC, **spec}})


def status(site: Site, name: str = "app-v2") -> dict[str, Any]:
    with site.client() as client:
        return dict(client.get(ROLLOUT, "default", name).get("status") or {})


async def reached(site: Site, phase: str, words: str = "", name: str = "app-v2") -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        now = status(site, name)
        return now if now.get("phase") == phase and words in now["why"] else None

    try:
        return await asyncio.to_thread(until, f"{name} is {phase} {words}", found, 40.0)
    except AssertionError as error:
        raise AssertionError(f"{error}: {status(site, name)}") from error


async def test_a_version_takes_over_on_what_prometheus_says(site: Site) -> None:
    await asyncio.to_thread(site.up)
    with scraped(site) as prometheus, controlling(site, prometheus) as controller:
        await asyncio.to_thread(until_leading, controller)
        async with users(site):
            begin(site)
            now = await reached(site, "finished")
        assert [event["what"] for event in now["events"]][:2] == ["start", "step"]
        assert site.get().version == "v2"
