from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.rollout.service_site import NAME, ServiceSite, rollout, running

from turnout.delivery.plan import Routing
from turnout.delivery.users import Users
from turnout.resources.kinds import ROLLOUT
from turnout.rollout import engine

HALF = {"weight": 50}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ServiceSite]:
    with running(tmp_path) as found:
        yield found


def test_a_good_candidate_gets_all_traffic_step_by_step(site: ServiceSite) -> None:
    site.start(rollout({"mirror": {"percent": 100}}, {"weight": 5}, HALF))
    seen = [site.weights]
    while site.tick()["phase"] == "running":
        seen.append(site.weights)

    assert site.status["phase"] == "finished"
    assert list(dict.fromkeys(seen)) == [(100, 0), (95, 5), (50, 50), (0, 100)]
    assert site.events("start", "step", "finish") == [
        "v1 → v2",
        "mirror 100 %",
        "weight 5 %",
        "weight 50 %",
        "weight 100 %",
        "all traffic is at the candidate",
    ]
    assert site.status["finishedAt"] == site.now


def test_a_bad_candidate_loses_all_traffic_in_one_change(site: ServiceSite) -> None:
    site.start(rollout(HALF), bad={"errors": (0.5, 0.0)})
    status = site.until(phase="aborted")

    assert site.weights == (100, 0)
    assert "errors: worse" in status["why"]
    assert status["lastChange"]["why"] == status["why"]
    assert status["verdicts"][0]["kind"] == "worse"
    told = site.history.events("default", NAME)
    assert [event["what"] for event in told][-3:] == ["verdict", "abort", "change"]
    assert told[-3]["verdicts"][0]["candidate"]["bad"] > 0, "each event tells what it was decided on"


def test_each_verdict_is_told_once_of_the_step_that_it_was_given_in_and_before_what_follows(site: ServiceSite) -> None:
    site.start(rollout({"weight": 25}, HALF))
    site.until(phase="finished")
    told = [(event["what"], event["step"]) for event in site.history.events("default", NAME)]

    assert told == [("start", 0), ("step", 0), ("verdict", 0), ("step", 1), ("verdict", 1), ("step", 2), ("finish", 2)]


def test_nothing_moves_without_traffic_and_in_the_end_it_waits_for_somebody(site: ServiceSite) -> None:
    site.start(rollout({"weight": 5}, HALF, maxTime="30s"), rate=0.0)
    status = site.until(phase="paused")

    assert site.weights == (95, 5)
    assert "30 s are up for weight 5 %" in status["why"]


def test_an_engine_that_is_followed_by_another_at_every_look_decides_the_same(site: ServiceSite) -> None:
    """All ticks have engines of their own: this one also loses what it was about to do."""
    site.start(rollout({"weight": 5}, HALF))
    patch, site.client.patch = site.client.patch, _lost  # type: ignore[method-assign,assignment] # it dies before it moves
    with pytest.raises(KeyboardInterrupt):
        site.tick()
    site.client.patch = patch  # type: ignore[method-assign] # the next one
    assert site.weights == (100, 0)
    site.tick()

    assert site.weights == (95, 5)
    assert site.events("step") == ["weight 5 %"], "decided once, done later"


def _lost(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_weights_moved_by_hand_pause_it_and_stay_until_it_is_resumed(site: ServiceSite) -> None:
    site.start(rollout({"weight": 5}, HALF))
    site.tick(2)
    site.shift(70, 30)
    status = site.tick()

    assert status["phase"] == "paused"
    assert "v2 has 30 %" in status["why"]
    assert "last by somebody without a command of Turnout" in status["why"]
    site.tick(20)
    assert site.weights == (70, 30)
    site.order("resume a1")
    site.tick()
    assert site.weights == (95, 5)
    site.until(phase="finished")


def test_orders_are_taken_once_and_said_to_be(site: ServiceSite) -> None:
    site.start(rollout({"weight": 5}, HALF))
    site.tick(2)
    site.order("pause a1")
    assert site.tick()["phase"] == "paused"
    assert site.status["order"] == {"id": "a1", "verb": "pause", "at": site.now, "refused": ""}
    assert "annotations" not in site.object["metadata"] or not site.object["metadata"]["annotations"]
    site.order("promote a2")
    site.tick()
    assert site.weights == (0, 100)
    site.until(phase="finished")
    site.order("abort a3")
    assert site.tick()["order"]["refused"] == "cannot abort: the rollout is finished"
    assert site.weights == (0, 100)


@pytest.mark.parametrize(
    ("words", "why"),
    [("dance a1", "dance is no order"), ("resume a1", "cannot resume: the rollout is running")],
)
def test_an_order_that_cannot_be_carried_out_changes_nothing(site: ServiceSite, words: str, why: str) -> None:
    site.start(rollout({"weight": 5}, HALF), rate=0.0)
    site.tick(2)
    site.order(words)
    status = site.tick()

    assert status["order"]["refused"] == why
    assert status["phase"] == "running"
    assert site.weights == (95, 5)


def test_abort_by_order_takes_all_back(site: ServiceSite) -> None:
    site.start(rollout(HALF), rate=0.0)
    site.tick(2)
    site.order("abort")
    assert site.tick()["phase"] == "aborted"
    assert site.weights == (100, 0)


def test_a_spec_that_changes_under_way_is_for_the_next_rollout(site: ServiceSite) -> None:
    site.start(rollout({"weight": 5}, HALF), rate=0.0)
    site.tick(2)
    changed = rollout({"weight": 20})
    site.client.patch(ROLLOUT, "default", NAME, {"spec": changed["spec"]})
    site.tick(2)
    assert site.weights == (95, 5)
    site.order("abort")
    site.tick()
    site.tick()
    assert site.weights == (80, 20), "another generation begins anew"
    assert len(site.events("start")) == 2


def test_what_cannot_be_counted_is_said_and_nothing_moves(site: ServiceSite) -> None:
    site.start(rollout({"weight": 5}, HALF))
    site.tick(3)
    site.source.unreachable = "cannot ask Prometheus"
    status = site.tick(10)

    assert "cannot ask Prometheus" in status["why"]
    assert site.weights == (95, 5)


def test_weights_above_what_users_may_feel_are_lowered(site: ServiceSite) -> None:
    site.blast.update(user_requests=100, calls=2500)
    site.start(rollout({"weight": 1}, {"weight": 25}, HALF, maxUserImpact=5))
    status = site.tick()

    assert [step["percent"] for step in status["steps"]] == [0.2, 100.0]
    assert status["blast"]["touched"] == pytest.approx(0.0488, abs=0.001)


def test_without_any_user_request_the_limit_is_not_guessed(site: ServiceSite) -> None:
    site.start(rollout({"weight": 1}, maxUserImpact=5))
    status = site.tick()

    assert status["phase"] == "refused"
    assert "send some traffic first" in status["why"]
    assert site.weights == (100, 0)
    site.blast.update(user_requests=100, calls=100)
    assert site.tick()["phase"] == "running"


def test_one_service_has_one_rollout_at_a_time(site: ServiceSite) -> None:
    site.start(rollout({"weight": 5}), rate=0.0)
    site.tick()
    other = rollout(HALF)
    other["metadata"] = {"name": "second", "namespace": "default"}
    site.client.create(ROLLOUT, other)
    site.tick(2)

    assert site.weights == (95, 5)
    status = site.client.get(ROLLOUT, "default", "second")["status"]
    assert (status["phase"], status["why"]) == ("refused", f"the rollout {NAME} moves app already")


def test_a_rollout_that_no_route_allows_is_refused_with_the_reason(site: ServiceSite) -> None:
    obj = rollout({"weight": 5}, route="elsewhere")
    site.start(obj)
    status = site.tick()

    assert status["phase"] == "refused"
    assert "elsewhere" in status["why"]


def test_hooks_are_told_what_they_asked_for(site: ServiceSite) -> None:
    hooks = [{"exec": ["true"], "events": ["finish"]}]
    site.start(rollout(HALF, hooks=hooks))
    site.until(phase="finished")

    assert [event["what"] for event in site.told] == ["finish"]
    assert site.told[0]["rollout"] == NAME


BOTH = [{"errors": {"tolerance": 5}}, {"regressions": {"tolerance": 5}}]
COMPARED = {"verdict": "same", "pairs": {"candidate": 900, "baseline": 200}, "report": {"routes": []}}
DIFFERENT = {
    "verdict": "difference",
    "pairs": {"candidate": 900, "baseline": 200},
    "report": {
        "routes": [
            {"fields": [{"path": "$.price", "kind": "value", "class": "difference", "candidate": {"share": 0.5}}]},
        ]
    },
}


def test_a_comparison_runs_for_its_step_and_what_it_says_decides(site: ServiceSite) -> None:
    site.start(rollout({"compare": {"percent": 25, "baseline": 10}}, HALF, guards=BOTH))
    site.tick(2)
    order = site.comparison
    assert (order["running"], order["sample"], order["baseline_percent"], order["steer"]) == (True, "1/4", 10, False)
    order["report"] = DIFFERENT
    assert "different: $.price value in 50 %" in site.tick(5)["why"]
    assert "`turnout compare accept '$.price'`" in site.status["why"]
    assert site.status["step"] == 0
    order["report"] = COMPARED
    site.until(step=1)
    site.tick()
    assert not site.comparison["running"]
    site.until(phase="finished")


def test_a_regression_ends_it_before_any_user_met_it(site: ServiceSite) -> None:
    site.start(rollout({"compare": {}}, HALF, guards=BOTH))
    site.tick(2)
    site.comparison["report"] = {**DIFFERENT, "verdict": "regression"}
    assert site.tick()["phase"] == "aborted"
    assert not site.comparison["running"]
    assert site.weights == (100, 0)


def test_it_waits_for_somebody_else_s_comparison(site: ServiceSite) -> None:
    site.comparison = {"running": True, "id": "c0", "by": "compare", "report": COMPARED}
    site.start(rollout({"compare": {}}, HALF, guards=BOTH))
    status = site.tick(10)

    assert "a comparison runs already, by compare" in status["why"]
    assert (status["phase"], status["step"]) == ("running", 0)
    site.comparison["running"] = False
    site.tick()
    assert site.comparison["by"] == f"rollout default/{NAME}"


def test_a_deleted_rollout_leaves_no_comparison_behind(site: ServiceSite) -> None:
    site.start(rollout({"compare": {}}, HALF, guards=BOTH))
    site.tick(2)
    site.client.delete(ROLLOUT, "default", NAME)
    engine.tick(site.engine_site)
    assert not site.comparison["running"]


def test_it_halts_while_there_is_nothing_to_go_back_to_and_says_so_once(site: ServiceSite) -> None:
    site.start(rollout(HALF), bad={"errors": (0.5, 0.0)})
    site.tick(2)
    site.service.stable_ready = False
    status = site.until(phase="halted")
    assert site.weights == (50, 50)
    assert "stable has no healthy copy to go back to" in status["why"]
    site.tick(5)
    assert len(site.events("halt")) == 1
    site.service.stable_ready = True
    assert site.tick()["phase"] == "aborted"
    assert site.weights == (100, 0)


# --- who met which version


def test_users_of_a_sticky_rollout_are_counted_from_before_its_split_until_it_has_gone_back(site: ServiceSite) -> None:
    site.start(rollout(HALF, sticky="header:x-user"))
    assert site.tick()["users"]["seen"] == 0
    assert site.asked == [(f"default/{NAME}/{site.now}", None)]
    site.users = Users(seen=9, stable=5, candidate=6, both=2, back=1)
    assert site.tick()["users"] == {
        "seen": 9,
        "stable": 5,
        "candidate": 6,
        "both": 2,
        "back": 1,
        "sampled": 1,
        "withoutKey": 0,
        "untold": 0,
    }
    site.order("abort a1")
    site.users = Users(seen=10)
    assert site.tick()["users"]["seen"] == 10
    (_, until), asked = site.asked[-1], len(site.asked)
    assert until == site.now, "who comes later meets stable because it has gone back"
    assert site.history.events("default", NAME)[-1]["detail"]["users"]["seen"] == 10
    site.tick(3)
    assert len(site.asked) == asked
    assert site.status["users"]["seen"] == 10


def test_the_history_tells_with_the_end_who_met_which_version(site: ServiceSite) -> None:
    site.start(rollout(HALF, sticky="header:x-user"))
    site.users = Users(seen=9, stable=5, candidate=6, both=2)
    site.until(phase="finished")
    assert site.status["users"]["both"] == 2
    assert site.history.events("default", NAME)[-1]["detail"] == {"users": site.status["users"]}


@pytest.mark.parametrize(("users", "true"), [(30, True), (100_000, False)])
def test_a_step_of_a_sticky_rollout_is_true_with_as_near_a_split_as_its_users_allow(
    site: ServiceSite, users: int, true: bool
) -> None:
    site.users = Users(seen=users)
    site.start(rollout({"weight": 5, "minTime": "60s"}, sticky="header:x-user"), rate=2000.0)
    site.astray = Routing(90, 10)
    assert (site.tick(20)["countedSeconds"] > 0) == true


def test_nobody_is_counted_where_chance_splits(site: ServiceSite) -> None:
    site.start(rollout(HALF))
    site.until(phase="finished")
    assert site.status.get("users") is None
    assert site.asked == []
