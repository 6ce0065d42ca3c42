"""Rollouts of a site's `app`, begun over the API, and users who send requests meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.e2e.manifests import HOST
from tests.e2e.site import Site, until

from turnout.load import Plan, Report, run
from turnout.resources.kinds import ROLLOUT

END_SECONDS = 60.0
STANDARD: dict[str, Any] = {"service": "app", "from": "v1", "minTime": "1s", "maxTime": "60s"}


@asynccontextmanager
async def users(site: Site, path: str = "/", rate: float = 300.0) -> AsyncIterator[list[Report]]:
    """Whose requests are in what was yielded, afterwards."""
    stop, reports = asyncio.Event(), list[Report]()
    plan = Plan(f"http://{HOST}{path}", rate=rate, connect=("127.0.0.1", site.port), version_header="x-version")
    sending = asyncio.create_task(run(plan, stop=stop))
    try:
        yield reports
    finally:
        stop.set()
        reports.append(await sending)


class Rolling:
    """One Rollout, named after its candidate."""

    def __init__(self, site: Site, to: str, **spec: Any) -> None:
        """Begun, but for what its engine does."""
        self._site = site
        self.name = f"app-{to}"
        with site.client() as client:
            obj = {"metadata": {"name": self.name, "namespace": "default"}, "spec": {**STANDARD, "to": to, **spec}}
            client.create(ROLLOUT, obj)

    @property
    def status(self) -> dict[str, Any]:
        return dict(self.view["status"])

    @property
    def view(self) -> dict[str, Any]:
        with self._site.client() as client:
            return dict(client.view(f"rollouts/default/{self.name}"))

    def until(self, phase: str, words: str = "", step: int | None = None) -> dict[str, Any]:
        """Its status, once it says so."""

        def found() -> dict[str, Any] | None:
            status = self.status
            fits = status.get("phase") == phase and words in status["why"] and step in (None, status["step"])
            return status if fits else None

        try:
            return until(f"{self.name} is {phase} {words}", found, END_SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.status}") from error

    def until_counted(self) -> None:
        """Its first step is true: both versions answer."""
        until(f"{self.name} counts", lambda: self.status.get("countedSeconds", 0.0) > 0, END_SECONDS)

    def gone_back(self) -> dict[str, Any]:
        """How it went back, once that is known."""

        def found() -> dict[str, Any] | None:
            status = self.status
            change: dict[str, Any] = status.get("lastChange") or {}
            return change if change and change["at"] >= status.get("finishedAt", float("inf")) else None

        return until(f"{self.name} has gone back", found, END_SECONDS)

    def order(self, verb: str) -> None:
        """As `kubectl annotate` does."""
        patch = {"metadata": {"annotations": {"turnout.dev/order": f"{verb} {verb}"}}}
        with self._site.client() as client:
            client.patch(ROLLOUT, "default", self.name, patch)

    def delete(self) -> None:
        with self._site.client() as client:
            client.delete(ROLLOUT, "default", self.name)
