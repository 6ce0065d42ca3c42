"""What people and crashes do to a rollout: others' changes stay, and never are all users sent to nobody."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress

import pytest
from tests.e2e.manifests import split, virtual_service
from tests.e2e.rolling import Rolling, users
from tests.e2e.site import Site, until

from turnout.resources.kinds import DEPLOYMENT, VIRTUAL_SERVICE

pytestmark = pytest.mark.e2e

ERRORS = [{"errors": {"tolerance": 20}}]
STAY = {"weight": 20, "minTime": "60s"}
HALF = {"weight": 50, "minTime": "60s"}

GONE = 2**22
"""No process has this number."""


def weights(site: Site) -> list[int]:
    with site.client() as client:
        (route,) = client.get(VIRTUAL_SERVICE, "default", "app")["spec"]["http"]
        return [choice["weight"] for choice in route["route"]]


def patch(site: Site, stable: int) -> None:
    """As kubectl does."""
    with site.client() as client:
        routes = {"spec": {"http": [split({"v1": stable, "v2": 100 - stable})]}}
        client.patch(VIRTUAL_SERVICE, "default", "app", routes)


def scale(site: Site, version: str, replicas: int) -> None:
    with site.client() as client:
        client.patch(DEPLOYMENT, "default", f"app-{version}", {"spec": {"replicas": replicas}})


def kill(site: Site, version: str) -> None:
    """All its pods, as often as they come."""
    for pod in site.pods(f"app-{version}"):
        with suppress(ProcessLookupError):
            os.kill(pod["pid"] or GONE, signal.SIGKILL)


def test_whoever_moves_the_routes_pauses_it_and_is_named_until_it_is_resumed(site: Site) -> None:
    site.up()
    rolling = Rolling(site, "v2", steps=[STAY], guards=ERRORS)
    changes: list[tuple[Callable[[], object], str]] = [
        (lambda: site.run("shift", "app", "v1=70", "v2=30"), "v2 has 30 %; last by turnout shift app"),
        (lambda: site.run("undo"), "last by turnout undo (of turnout rollout app-v2: weight 20 %)"),
        (lambda: patch(site, 65), "v2 has 35 %; last by somebody without a command of Turnout"),
        (
            lambda: site.apply("route.yaml", virtual_service(split({"v1": 60, "v2": 40}))),
            "v2 has 40 %; last by route.yaml, a saved file",
        ),
    ]
    for change, words in changes:
        rolling.until("running", step=0)
        until("it has its weights", lambda: weights(site) == [80, 20])
        change()
        rolling.until("paused", words)
        rolling.order("resume")
    rolling.until("running")
    assert weights(site) == [80, 20]
    told = [event["text"] for event in rolling.view["events"] if event["what"] == "change"]
    assert len(told) == len(changes)


async def test_with_a_dead_stable_nothing_moves_until_it_lives_and_a_dead_candidate_goes_back(site: Site) -> None:
    await asyncio.to_thread(site.up)
    async with users(site):
        rolling = Rolling(site, "v2", steps=[HALF], guards=ERRORS)
        await asyncio.to_thread(rolling.until_counted)
        scale(site, "v1", 0)
        await asyncio.to_thread(rolling.until, "running", "stable has no healthy copy to compare with")
        rolling.order("abort")
        await asyncio.to_thread(rolling.until, "halted", "stable has no healthy copy to go back to")
        assert weights(site) == [50, 50]
        scale(site, "v1", 1)
        await asyncio.to_thread(rolling.until, "aborted")
        await asyncio.to_thread(rolling.gone_back)
        assert weights(site) == [100, 0]
        assert (await asyncio.to_thread(site.get)).version == "v1"
        rolling.delete()

        rolling = Rolling(site, "v2", steps=[HALF], guards=ERRORS)
        await asyncio.to_thread(rolling.until_counted)

        def given_up() -> bool:
            kill(site, "v2")
            return bool(rolling.status["phase"] == "aborted")

        await asyncio.to_thread(until, "the dead candidate is given up", given_up)
        await asyncio.to_thread(rolling.gone_back)
        assert "errors: worse" in rolling.status["why"]
        assert weights(site) == [100, 0]


async def test_requests_that_the_candidate_is_still_to_answer_are_part_of_going_back(site: Site) -> None:
    await asyncio.to_thread(site.up)
    rolling = Rolling(site, "v2", steps=[HALF], guards=ERRORS)
    await asyncio.to_thread(until, "it has looked", lambda: len(rolling.view["looks"]) > 1)
    rolling.order("abort")
    asked = await asyncio.to_thread(rolling.gone_back)
    assert "lastCandidateAnswerSeconds" not in asked, "nobody has asked it anything"
    rolling.delete()

    async with users(site, "/slow?seconds=1", rate=30.0) as reports:
        rolling = Rolling(site, "v2", steps=[HALF], guards=ERRORS)
        await asyncio.to_thread(rolling.until_counted)
        rolling.order("abort")
        change = await asyncio.to_thread(rolling.gone_back)
    assert change["seconds"] < 0.5
    assert change["seconds"] + 0.5 < change["lastCandidateAnswerSeconds"] < change["seconds"] + 2.0
    assert change["underWay"] == 0
    assert reports[0].failed == 0


def test_users_of_a_sticky_split_are_counted_by_what_they_met_and_a_kill_forgets_none(site: Site) -> None:
    people = [f"user-{number}" for number in range(40)]

    def ask(*names: str) -> list[str]:
        return [site.get(headers={"x-user": name}).version for name in names]

    up = site.up()
    rolling = Rolling(site, "v2", steps=[HALF], guards=ERRORS, sticky="header:x-user")
    until("it has its weights", lambda: weights(site) == [50, 50])
    met = ask(*people)
    assert ask(*people) == met
    site.get()
    found = {"seen": 40, "stable": met.count("v1"), "candidate": met.count("v2"), "both": 0, "back": 0}
    whole = {**found, "sampled": 1, "withoutKey": 1, "untold": 0}
    until("they are counted", lambda: rolling.status["users"] == whole)

    up.kill()
    site.up()
    assert ask(*people[:20], "somebody else") == [*met[:20], ask("somebody else")[0]]
    until("one more is counted", lambda: rolling.status["users"]["seen"] == 41)
    assert rolling.status["users"]["both"] == 0
    patch(site, 0)  # by hand, and against its will
    rolling.until("paused")
    ask(*people)
    until("those who had met stable are counted", lambda: rolling.status["users"]["both"] == met.count("v1"))
    rolling.order("abort")
    rolling.gone_back()
    ask(*people)
    assert rolling.status["users"]["back"] == 0, "who meets stable because it has gone back is not counted"
    text = b"".join(path.read_bytes() for path in site.state.rglob("*") if path.is_file())
    assert b"user-1" not in text
