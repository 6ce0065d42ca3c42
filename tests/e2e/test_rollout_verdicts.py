"""Four candidates, each in a rollout of its own: three have a bug, and go back for what it is; the healthy one stays.

`make verdicts` has the whole table: six candidates, by comparisons and by rollouts, and how soon each is found out.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.manifests import deployment, destination_rule
from tests.e2e.rolling import users
from tests.e2e.site import Site, until

from turnout.resources.kinds import ROLLOUT

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

RATE = 300.0
ODD = {"v2": "", "v3": "errors", "v4": "late", "v5": "type"}
MEANT = "accept: [{path: $.version}]\n"
ERRORS = {"errors": {"tolerance": 3}}
# Of the median, since on a busy machine 30 ms more may be less than the slowest hundredth takes anyway.
SLOW = {"slow": {"quantile": 0.5, "tolerance": 25}}
STANDARD: dict[str, Any] = {"minTime": "1s", "maxTime": "60s", "onTimeout": "hold"}


async def test_each_candidate_gets_the_verdict_that_it_deserves(site: Site) -> None:
    six_answers(site)
    await asyncio.to_thread(site.up)
    async with users(site, "/things", RATE) as reports:
        errors = await rolled_out(site, "v3", [{"weight": 20}], [ERRORS, SLOW])
        late = await rolled_out(site, "v4", [{"weight": 20}], [ERRORS, SLOW])
        other = await rolled_out(site, "v5", [{"compare": {"percent": 25}}], [{"regressions": {"tolerance": 5}}])
        healthy = await rolled_out(site, "v2", [{"weight": 20}, {"weight": 50}], [ERRORS, SLOW])
        after = site.get().version

    assert (errors["phase"], errors["why"].partition(",")[0]) == ("aborted", "errors: worse")
    assert (late["phase"], late["why"].partition(",")[0]) == ("aborted", "slow: worse")
    assert (other["phase"], other["why"].partition(": ")[0]) == ("aborted", "regressions")
    assert "headers.content-type" in other["why"]
    assert (healthy["phase"], after) == ("finished", "v2")
    (report,) = reports
    assert 0 < report.failed < 0.01 * report.finished, "only whom the one with errors answered, until it went back"
    assert set(report.codes) == {200, 500}


def six_answers(site: Site) -> None:
    """The service in its versions, each with what is odd of it."""
    shutil.copy(Path(__file__).with_name("json_service.py"), site.service_file)
    site.write("expectations.yaml", MEANT)
    for version, odd in ODD.items():
        site.apply(f"{version}.yaml", deployment(version, env={"ODD": odd}))
    site.apply("rule.yaml", destination_rule({version: version for version in ("v1", *ODD)}))


async def rolled_out(site: Site, to: str, steps: Sequence[Any], guards: Sequence[Any]) -> dict[str, Any]:
    """What became of it: the status of its Rollout."""
    spec = {"service": "app", "from": "v1", "to": to, "steps": steps, "guards": guards, **STANDARD}
    spec["expectations"] = "expectations.yaml"
    name = f"app-{to}"

    def ended() -> dict[str, Any] | None:
        with site.client() as client:
            status = dict(client.get(ROLLOUT, "default", name).get("status") or {})
        return status if status.get("finishedAt") else None

    with site.client() as client:
        client.create(ROLLOUT, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})
    status = await asyncio.to_thread(until, f"the rollout of {to} has ended", ended, 60)
    sys.stdout.write(f"{to}: {status['phase']} after {status['finishedAt'] - status['startedAt']:.1f} s\n")
    return status
