"""A candidate answers copies of real requests through a real Envoy: what is different comes out, whatever is killed."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.manifests import deployment
from tests.e2e.rolling import users
from tests.e2e.site import Site, until

from turnout.resources.kinds import VIRTUAL_SERVICE

pytestmark = pytest.mark.e2e

RATE = 200.0
JSON = dict[str, Any]


@pytest.fixture
def answering(site: Site) -> Site:
    """A site whose service answers JSON."""
    shutil.copy(Path(__file__).with_name("json_service.py"), site.service_file)
    return site


def rules(site: Site) -> list[str]:
    with site.client() as client:
        return [rule["name"] for rule in client.get(VIRTUAL_SERVICE, "default", "app")["spec"]["http"]]


def comparison(site: Site) -> JSON:
    with site.client() as client:
        return dict(client.view("comparison"))


def pairs(site: Site) -> int:
    return int((comparison(site)["report"] or {"pairs": {"candidate": 0}})["pairs"]["candidate"])


def classes(view: JSON) -> dict[str, set[str]]:
    """Class to the paths of its fields."""
    (route,) = view["report"]["report"]["routes"]
    found: dict[str, set[str]] = {}
    for each in route["fields"]:
        found.setdefault(each["class"], set()).add(each["path"])
    return found


async def test_what_a_new_version_says_otherwise_is_told_from_noise_and_users_notice_nothing(answering: Site) -> None:
    await asyncio.to_thread(answering.up)
    async with users(answering, "/things", RATE) as seen:
        arguments = ("compare", "app", "--to", "v2", "--for", "2s", "--baseline", "50", "--json")
        done = await asyncio.to_thread(answering.run, *arguments)
        view = json.loads(done.out)
        assert done.status == 3, done.err
        assert "$.version" in classes(view)["difference"]
        assert classes(view)["noise"] >= {"$.number", "$.user.token"}
        assert "regression" not in classes(view)
        assert rules(answering) == ["main"]
        await asyncio.to_thread(killed_and_gone_on_with, answering)
    (report,) = seen
    assert (report.failed, report.unfinished, set(report.codes)) == (0, 0, {200})
    kept = "".join(path.read_text() for path in (answering.state / "comparisons").iterdir())
    assert "redacted:" in kept
    assert "secret-" not in kept
    assert answering.run("down").status == 0
    answering.assert_nothing_runs()
    ended = json.loads((answering.state / "comparisons" / "2.json").read_text())
    assert ended["why"] == "Turnout was stopped"


@pytest.mark.soak
@pytest.mark.parametrize(
    ("odd", "status", "what"),
    [
        ("", 0, {}),
        ("errors", 1, {"regression": {"status"}}),
        ("late", 1, {"regression": {"latency"}}),
        ("field", 3, {"difference": {"$.user.name"}}),
        ("missing", 1, {"regression": {"$.user"}}),
        ("type", 1, {"regression": {"headers.content-type"}}),
    ],
)
async def test_each_candidate_gets_the_verdict_that_it_deserves(
    answering: Site, odd: str, status: int, what: dict[str, set[str]]
) -> None:
    """What is accepted beforehand is all that a healthy one does otherwise."""
    answering.apply("v2.yaml", deployment("v2", env={"ODD": odd}))
    for path, *kind in (["$.version"], ["latency", "--kind", "faster"]):
        accepted = await asyncio.to_thread(answering.run, "compare", "accept", path, *kind)
        assert accepted.status == 0, accepted.err
    await asyncio.to_thread(answering.up)
    async with users(answering, "/things", RATE):
        began = time.monotonic()
        asking = asyncio.create_task(
            asyncio.to_thread(
                answering.run, "compare", "app", "--to", "v2", "--until-sure", "--for", "100s", "--json", seconds=110
            )
        )
        told = await asyncio.to_thread(until, "a verdict", partial(told_verdict, answering), 100)
        seconds = time.monotonic() - began
        done = await asking
    assert done.status == status, done.out
    found = classes(json.loads(done.out))
    sys.stdout.write(f"{odd or 'healthy'}: {told} after {seconds:.1f} s, sure after {time.monotonic() - began:.1f} s\n")
    for name, paths in what.items():
        assert paths <= found[name], found
    if not what:
        assert not {"regression", "difference"} & found.keys(), found


def told_verdict(site: Site) -> str:
    """The first that is more than `unsure`; "" until then."""
    verdict = str((comparison(site).get("report") or {}).get("verdict", "unsure"))
    return "" if verdict == "unsure" else verdict


def killed_and_gone_on_with(site: Site) -> None:
    """The next Turnout goes on with what was counted; and what runs ends with it."""
    order = {"do": "start", "service": "app", "from": "v1", "to": "v2", "seconds": 60}
    with site.client() as client:
        client.post("comparison", order)
    until("its tally is kept", (site.state / "comparisons" / "2.tally").exists)
    before = pairs(site)
    site.ups[-1].kill()
    site.up()
    assert pairs(site) > 0, "what was known is shown meanwhile"
    until("it goes on", lambda: pairs(site) > before)
    assert (comparison(site)["running"], comparison(site)["id"]) == (True, "2")
    assert rules(site) == ["main-mirror", "main"]
