"""`turnout rollout rehearse` against a real API, and traffic that was recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.cli.rollouts import JSON, Api, running, status

from turnout.apiserver.store import Store
from turnout.cli.rollout import follow, rehearse_live
from turnout.client import Client, change
from turnout.delivery.steering import Versions
from turnout.resources.kinds import DESTINATION_RULE, VIRTUAL_SERVICE

REHEARSE = ("rehearse", "reviews", "--to", "v2", "--runs", "10", "--min-time", "5s", "--max-time", "2m")


def recorded(seconds: int = 60, rate: int = 500) -> JSON:
    window = {
        "seconds": 1.0,
        "codes": {"200": rate - 1, "503": 1},
        "durations": [[1000.0 * n, 100.0, rate // 100] for n in range(1, 101)],
    }
    return {"asked_seconds": 600.0, "windows": [window] * seconds}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with running(tmp_path) as opened:
        opened.windows = recorded()
        yield opened


def test_a_version_is_rehearsed_against_itself_and_with_faults(api: Api) -> None:
    done = api.run(*REHEARSE, "--steps", "20,50")

    assert done.exit_code == 0, done.output
    head, _, itself, failing, slower, errors, slow, *rest = done.output.splitlines()
    assert head == "reviews-v2: rehearsed with 30,000 requests that v1 answered in 60 s (500 a second)"
    assert itself.startswith("is v1 itself")
    assert failing.startswith("fails 5 % of its requests")
    assert "10 of 10" in failing
    assert slower.startswith("takes 20 ms longer")
    assert errors == "errors: 0.2 % of the requests failed"
    assert slow == "slow: 0 % took longer than 110 ms"
    assert rest[-1].startswith("30 rollouts in ")
    assert api.all() == {}, "nothing is begun"


def test_everything_is_there_as_json(api: Api) -> None:
    done = api.run(*REHEARSE, "--steps", "20,50", "--guard", "errors:1", "--json")

    found = json.loads(done.output)
    assert (found["requests"], found["seconds"], found["delay_us"]) == (30000, 60.0, None)
    itself, failing = found["results"]
    assert (itself["fault"], itself["runs"]) == ("none", 10)
    assert (failing["fault"], failing["aborted"], failing["guards"]) == ("errors", 10, {"errors": 10})
    assert failing["median_candidate_requests"]["aborted"] > 10
    again = json.loads(api.run(*REHEARSE, "--steps", "20,50", "--guard", "errors:1", "--json").output)
    assert again["results"] == found["results"], "the same seed gives the same rollouts"


def test_a_file_says_the_plan_as_well(api: Api, tmp_path: Path) -> None:
    file = tmp_path / "rollout.yaml"
    file.write_text(
        "apiVersion: turnout.dev/v1alpha1\nkind: Rollout\nmetadata: {name: reviews-v2}\n"
        "spec: {service: reviews, from: v1, to: v2, minTime: 5s, maxTime: 2m, steps: [{weight: 50}],"
        " guards: [{errors: {tolerance: 5}}]}\n"
    )
    done = api.run("rehearse", str(file), "--runs", "10")
    assert done.exit_code == 0, done.output
    assert "is v1 itself" in done.output


def test_a_comparison_is_not_rehearsed_and_that_is_said(api: Api) -> None:
    done = api.run(*REHEARSE, "--steps", "compare,50")
    assert "not rehearsed, and taken to be fine: regressions" in done.output


def test_too_little_traffic_is_an_error_with_a_hint(api: Api) -> None:
    api.windows = recorded(seconds=2, rate=20)
    done = api.run(*REHEARSE)
    assert done.exit_code == 1
    assert "too few to rehearse with" in str(done.exception)
    assert "--seconds" in str(getattr(done.exception, "hint", ""))


# --- live

RULE = {
    "metadata": {"name": "reviews", "namespace": "default"},
    "spec": {"host": "reviews", "subsets": [{"name": name, "labels": {"version": name}} for name in ("v1", "v2")]},
}


@pytest.fixture
def live(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(follow, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(change, "ACKNOWLEDGE_SECONDS", 1)
    api.store(lambda store: store.create(DESTINATION_RULE, RULE))
    return api


def specs(api: Api) -> list[JSON]:
    kinds = (VIRTUAL_SERVICE, DESTINATION_RULE)
    return [dict(obj["spec"]) for kind in kinds for obj in api.store(partial(Store.list, kind=kind))]


@pytest.mark.parametrize(("phase", "exit_code"), [("finished", 0), ("aborted", 1)])
def test_live_stable_is_its_own_candidate_and_everything_is_put_back(live: Api, phase: str, exit_code: int) -> None:
    before = specs(live)
    live.begins = status(phase)
    done = live.run(*REHEARSE, "--steps", "20,50", "--hook-exec", "./notify.sh", "--live")
    assert done.exit_code == 2, "hooks are told of no rehearsal"

    done = live.run(*REHEARSE, "--steps", "20,50", "--live")
    assert done.exit_code == exit_code, done.output
    assert done.output.splitlines()[-1] == "everything is as it was before"
    made = live.all()["reviews-v2-rehearsal"]
    assert (made["spec"]["from"], made["spec"]["to"]) == ("v1", "v1-rehearsal")
    assert specs(live) == before


TWIN = Versions("reviews.default.svc.cluster.local", "v1", "v1-rehearsal")


def test_routes_are_put_back_as_they_were(live: Api) -> None:
    live.sends(main={"v1": 100})
    before = specs(live)
    with Client.from_state(live.state) as client, rehearse_live.kept(client, TWIN):
        live.sends(main={"v1": 0, "v1-rehearsal": 100})
    assert specs(live) == before


def test_what_somebody_else_has_changed_meanwhile_stays(live: Api) -> None:
    with Client.from_state(live.state) as client, rehearse_live.kept(client, TWIN):
        live.sends(main={"v1": 50, "v1-rehearsal": 50}, other={"v2": 100})
    main, other = specs(live)[0]["http"]
    assert [(c["destination"]["subset"], c["weight"]) for c in main["route"]] == [("v1", 100)]
    assert other["name"] == "other"


def test_a_live_rehearsal_that_cannot_begin_leaves_nothing(live: Api) -> None:
    before = specs(live)
    live.begins = status("refused", why="another is under way")
    done = live.run(*REHEARSE, "--steps", "20,50", "--live")
    assert "another is under way" in str(done.exception)
    assert specs(live) == before
    assert live.all() == {}


def test_wrong_usage_is_told_as_start_tells_it(api: Api) -> None:
    assert api.run("rehearse", "reviews").exit_code == 2
    assert api.run(*REHEARSE, "--runs", "1").exit_code == 2
    assert api.run(*REHEARSE, "--guard", "nonsense").exit_code == 2
