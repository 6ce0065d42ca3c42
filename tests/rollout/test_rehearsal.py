"""Plans tried on recorded traffic: what goes back for nothing, and what is missed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from turnout.delivery.plan import Plan, Stage
from turnout.error import TurnoutError
from turnout.rollout import intent as intents
from turnout.rollout.intent import Intent
from turnout.rollout.recorded import Bad, Recorded, Window, recorded
from turnout.rollout.rehearsal import Fault, Rehearsed, Result, faults, rehearse, run

RATE = 500
FAST, SLOW = [1000.0, 100.0], [9000.0, 1000.0]


def intent(*steps: dict[str, Any], **spec: Any) -> Intent:
    given = {"service": "app", "from": "v1", "to": "v2", "minTime": "10s", "maxTime": "10m", **spec}
    given["steps"] = list(steps) or [{"weight": 10}, {"weight": 50}]
    given.setdefault("guards", [{"errors": {"tolerance": 1}}, {"slow": {"quantile": 0.99, "tolerance": 5}}])
    found = intents.of(
        {
            "apiVersion": "turnout.dev/v1alpha1",
            "kind": "Rollout",
            "metadata": {"name": "app-v2", "namespace": "default"},
            "spec": given,
        }
    )
    assert isinstance(found, Intent), found
    return found


def seen(seconds: int = 60, rate: int = RATE, failing: int = 1, slow: int = 4) -> dict[str, Any]:
    """The view `windows`: a second each."""
    window = {
        "seconds": 1.0,
        "codes": {"200": rate - failing, "503": failing},
        "durations": [[*FAST, rate - slow], [*SLOW, slow]],
    }
    return {"asked_seconds": float(seconds), "windows": [window] * seconds}


def rehearsed(of: Intent | None = None, **given: Any) -> Rehearsed:
    of = of or intent()
    return Rehearsed(of.plan, recorded(seen(**given), of))


def results(what: Rehearsed, fault: Fault, count: int = 20) -> Result:
    return rehearse(what, fault, count, seed=7)


# --- what was recorded


def test_windows_become_counts_of_what_guards_ask() -> None:
    found = recorded(seen(), intent())
    assert found.limits == {"slow": 2100.0}
    assert found.windows[0].guards["errors"] == Bad(1)
    assert found.windows[0].guards["slow"].bad == 4
    assert (found.requests, found.seconds) == (60 * RATE, 60.0)
    assert found.share("errors") == pytest.approx(1 / RATE)


def test_the_delay_is_the_least_that_the_guard_surely_minds() -> None:
    """Of 100 requests in 1, 2 and so on up to 100 ms, none takes noticeably longer than 99. Tolerated are 5 points
    more: 20 ms more make 10 more of them slow, and the slowest one.
    """
    window = {"seconds": 1.0, "codes": {"200": 1000}, "durations": [[1000.0 * n, 100.0, 10] for n in range(1, 101)]}
    found = recorded({"asked_seconds": 10.0, "windows": [window] * 10}, intent())
    assert found.limits == {"slow": 110_000.0}
    assert found.delay_us == pytest.approx(20_000.0, abs=1000)
    assert found.windows[0].guards["slow"] == Bad(0, 110)


def test_what_was_before_the_first_request_and_after_the_last_was_no_traffic() -> None:
    busy = seen(seconds=5)
    idle = {"seconds": 1.0, "codes": {}, "durations": []}
    windows = [idle, idle, *busy["windows"], idle, *busy["windows"], idle]
    assert recorded({**busy, "windows": windows}, intent()).seconds == 11.0


def test_codes_of_a_guards_own_are_errors_too() -> None:
    of = intent(guards=[{"errors": {"tolerance": 1, "codes": ["4xx"]}}])
    window = {"seconds": 1.0, "codes": {"200": 90, "404": 7, "503": 2, "0": 1}, "durations": []}
    found = recorded({"asked_seconds": 5.0, "windows": [window] * 5}, of)
    assert found.windows[0].guards["errors"] == Bad(10)


def test_too_little_traffic_is_refused_with_a_hint() -> None:
    with pytest.raises(TurnoutError, match="too few to rehearse with") as refused:
        recorded(seen(seconds=1, rate=50), intent())
    assert refused.value.hint
    with pytest.raises(TurnoutError, match=r"too few for the quantile 0.999"):
        recorded(seen(seconds=1), intent(guards=[{"slow": {"quantile": 0.999, "tolerance": 5}}]))


def test_what_recorded_traffic_says_nothing_of_is_named() -> None:
    query = {"query": {"bad": 'a{v="$version"}', "total": 'b{v="$version"}', "tolerance": 1}, "name": "checkout"}
    found = recorded(seen(), intent(guards=[{"errors": {"tolerance": 1}}, query]))
    assert found.unseen == ("checkout",)


# --- what is rehearsed


def test_a_version_against_itself_is_promoted() -> None:
    found = results(rehearsed(), "none")
    assert found.count("finished") >= 18
    assert found.count("aborted") <= 1
    assert 20 < (found.median_seconds("finished") or 0) < 200


def test_failing_requests_are_found_after_few_of_them() -> None:
    found = results(rehearsed(), "errors")
    assert found.count("aborted") == 20
    assert found.guards["errors"] >= 18
    assert (found.median_requests("aborted") or 0) < 1000


def test_a_delay_is_found() -> None:
    window = {"seconds": 1.0, "codes": {"200": 500}, "durations": [[1000.0 * n, 100.0, 5] for n in range(1, 101)]}
    of = intent()
    what = Rehearsed(of.plan, recorded({"asked_seconds": 60.0, "windows": [window] * 60}, of))
    found = results(what, "delay")
    assert found.count("aborted") == 20
    assert set(found.guards) == {"slow"}


def test_too_little_traffic_ends_undecided() -> None:
    found = results(rehearsed(intent(maxTime="1m"), rate=20, failing=0, slow=0), "none", count=5)
    assert found.count("undecided") == 5


def test_the_same_seed_gives_the_same_runs_and_another_one_others() -> None:
    what = rehearsed()
    assert rehearse(what, "errors", 12, seed=1).runs == rehearse(what, "errors", 12, seed=1).runs
    assert rehearse(what, "errors", 12, seed=1).runs != rehearse(what, "errors", 12, seed=2).runs


def test_every_kind_of_step_is_gone_through() -> None:
    steps: tuple[dict[str, Any], ...] = (
        {"compare": {"percent": 6.25, "baseline": 25}},
        {"mirror": {"percent": 50}},
        {"users": {"headers": {"x-group": {"exact": "beta"}}}},
        {"pause": {}},
        {"pause": {"duration": "20s"}},
        {"weight": 25},
    )
    guards = [{"errors": {"tolerance": 2}}, {"regressions": {"tolerance": 5}}]
    found = results(rehearsed(intent(*steps, guards=guards)), "none", count=10)
    assert found.count("finished") >= 9


def test_only_faults_that_a_guard_looks_for_are_tried() -> None:
    assert faults(rehearsed()) == ("none", "errors", "delay")
    assert faults(rehearsed(intent(guards=[{"errors": {"tolerance": 1}}]))) == ("none", "errors")


def test_an_outage_that_hits_both_versions_is_no_reason_to_go_back() -> None:
    """A third of the minute nearly all requests fail, whoever answers them."""
    of = intent(guards=[{"errors": {"tolerance": 5}}])
    calm, bad = recorded(seen(), of).windows[0], Window(1.0, RATE, {"errors": Bad(RATE - 10)})
    what = Rehearsed(of.plan, Recorded([calm] * 40 + [bad] * 20, {}, None, ()))
    assert results(what, "none").count("aborted") <= 2


def test_counts_never_exceed_what_was_recorded() -> None:
    what = rehearsed(intent(guards=[{"errors": {"tolerance": 5}}]), rate=3, failing=3, seconds=60)
    short = replace(
        what, plan=Plan((Stage("weight", Decimal(50), min_seconds=5.0, max_seconds=20.0),), what.plan.guards)
    )
    assert run(short, "errors", Random(3)).end in ("undecided", "finished")
