"""From a Rollout to what the engine carries out."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.delivery import plan as planning
from turnout.delivery.plan import Stage
from turnout.delivery.steering import Versions
from turnout.problem import errors
from turnout.resources.interpret import interpret
from turnout.rollout.intent import Intent, of

JSON = dict[str, Any]


def rollout(**spec: Any) -> JSON:
    whole = {"service": "reviews", "from": "v1", "to": "v2", "steps": [{"weight": 5}], **spec}
    metadata = {"name": "reviews-v2", "namespace": "shop", "generation": 3, "uid": "1"}
    return {"apiVersion": "turnout.dev/v1alpha1", "kind": "Rollout", "metadata": metadata, "spec": whole}


def intent(**spec: Any) -> Intent:
    found = of(rollout(**spec))
    assert isinstance(found, Intent), found
    return found


def stage(step: JSON, **spec: Any) -> Stage:
    """What one step becomes, before one that is judged."""
    return intent(steps=[step, *([] if "weight" in step else [{"weight": 90}])], **spec).plan.stages[0]


def test_a_service_is_named_in_full_in_the_rollout_s_namespace() -> None:
    assert intent().versions == Versions("reviews.shop.svc.cluster.local", "v1", "v2", None)
    assert intent(route="main").versions.route == "main"


def test_without_guards_there_are_the_usual_ones() -> None:
    guards = intent().plan.guards

    assert [(guard.kind, guard.tolerance, guard.quantile) for guard in guards] == [
        ("errors", 0.01, None),
        ("slow", 0.05, 0.99),
    ]


def test_a_comparison_has_a_guard_of_its_own() -> None:
    assert [g.kind for g in intent(steps=[{"compare": {}}, {"weight": 5}]).plan.guards] == [
        "errors",
        "slow",
        "regressions",
    ]
    assert [g.kind for g in intent(steps=[{"compare": {}}]).plan.guards] == ["regressions"]


def test_guards_are_called_by_their_kind_or_by_their_name() -> None:
    query = {"query": {"bad": "b$version", "total": "t$version", "prometheus": "http://p"}, "name": "checkout"}
    found = intent(guards=[{"errors": {"codes": ["4xx", 429]}}, {"slow": {}}, query])

    assert [guard.name for guard in found.plan.guards] == ["errors", "slow", "checkout"]
    assert found.codes == {"errors": ("4xx", "429")}
    assert (found.queries["checkout"].total, found.queries["checkout"].prometheus) == ("t$version", "http://p")


def test_percents_are_the_numbers_that_were_written() -> None:
    assert [s.percent for s in intent(steps=[{"weight": 0.1}, {"weight": 0.3}]).plan.stages] == [
        Decimal("0.1"),
        Decimal("0.3"),
    ]
    assert stage({"compare": {"percent": 6.25}}).percent == Decimal("6.25")
    assert planning.routing(intent(steps=[{"weight": 0.3}]).plan, 0).candidate == 3


def test_times_are_the_step_s_own_or_the_spec_s() -> None:
    assert (stage({"weight": 5}).min_seconds, stage({"weight": 5}).max_seconds) == (60.0, 3600.0)
    both = stage({"weight": 5, "minTime": "0s"}, minTime="10s", maxTime="5m")
    assert (both.min_seconds, both.max_seconds) == (0.0, 300.0)


def test_the_last_step_takes_no_time_unless_it_is_said() -> None:
    steps = [{"weight": 5}, {"weight": 100}]

    assert intent(steps=steps).plan.stages[-1].min_seconds == 0.0
    assert intent(steps=[steps[0], {"weight": 100, "minTime": "30s"}]).plan.stages[-1].min_seconds == 30.0


def test_a_pause_waits_for_somebody_or_for_its_time_and_only_then_does_time_run_out() -> None:
    steps = [
        {"weight": 5},
        {"pause": {}},
        {"pause": {"duration": "10m"}},
        {"pause": {"duration": "10m"}, "maxTime": "15m"},
    ]
    _, forever, planned, bounded = intent(steps=steps).plan.stages

    assert (forever.until_resumed, forever.max_seconds) == (True, None)
    assert (planned.until_resumed, planned.min_seconds, planned.max_seconds) == (False, 600.0, 4200.0)
    assert bounded.max_seconds == 900.0


def test_a_group_of_users_is_the_same_text_in_whichever_order_it_is_written() -> None:
    matches = {"b": {"exact": "1"}, "a": {}}
    texts = [
        stage({"users": {"headers": headers}}).users
        for headers in (matches, dict(reversed(matches.items())))
    ]  # fmt: skip

    assert texts[0] == texts[1]
    assert json.loads(texts[0]) == {"headers": matches}


def test_sureness_and_impact_are_shares() -> None:
    found = intent(confidence=0.99, maxUserImpact=5)

    assert (found.plan.alpha, found.max_user_impact) == (0.01, 0.05)
    assert intent().max_user_impact is None


def test_a_hook_wants_the_events_it_names_or_all() -> None:
    command, web = intent(
        hooks=[{"exec": ["a", "b"], "events": ["finish"]}, {"webhook": {"url": "http://a", "secretFile": "k"}}]
    ).hooks

    assert (command.exec, command.url, command.timeout_seconds) == (("a", "b"), "", 10.0)
    assert (command.wants("step"), command.wants("finish")) == (False, True)
    assert (web.exec, web.url, web.secret_file, web.wants("step")) == ((), "http://a", "k", True)


@pytest.mark.parametrize(
    "spec", [{"steps": [{"weight": 100}]}, {"steps": []}, {"confidence": 2}, {"guards": []}, {"service": None}], ids=str
)
def test_what_cannot_be_carried_out_is_told_with_its_reasons(spec: JSON) -> None:
    found = of(rollout(**spec))

    assert isinstance(found, list)
    assert errors(found)


def test_what_is_no_rollout_is_told_too() -> None:
    for obj in ({}, {"kind": "Rollout"}, {**rollout(), "spec": []}, {**rollout(), "metadata": None}):
        assert isinstance(of(obj), list)


TIMES = st.sampled_from(["0s", "1ms", "30s", "1m", "2h"])
PERCENTS = st.one_of(st.sampled_from([0.1, 1, 5, 25, 50, 99.9, 100]), st.floats(-1, 101))
KINDS: tuple[st.SearchStrategy[JSON], ...] = (
    st.fixed_dictionaries({"compare": st.fixed_dictionaries({}, optional={"percent": PERCENTS})}),
    st.fixed_dictionaries({"mirror": st.fixed_dictionaries({}, optional={"percent": PERCENTS})}),
    st.just({"users": {"headers": {"a": {"exact": "b"}}}}),
    st.fixed_dictionaries({"weight": PERCENTS}),
    st.fixed_dictionaries({"pause": st.fixed_dictionaries({}, optional={"duration": TIMES})}),
)
OWN_TIMES = st.fixed_dictionaries({}, optional={"minTime": TIMES, "maxTime": TIMES})
STEPS = st.builds(lambda step, times: {**step, **times}, st.one_of(*KINDS), st.one_of(st.just({}), OWN_TIMES))


def rising(steps: list[JSON]) -> list[JSON]:
    """The same, its weights in order."""
    weights = iter(sorted(step["weight"] for step in steps if "weight" in step))
    return [{**step, "weight": next(weights)} if "weight" in step else step for step in steps]


GUARDS = st.builds(
    lambda guard, name: {**guard, **name},
    st.sampled_from(
        [{"errors": {}}, {"slow": {"quantile": 0.5}}, {"regressions": {}}, {"errors": {"tolerance": 100}}, {}]
    ),
    st.sampled_from([{}, {}, {"name": "a"}]),
)
SPECS = st.fixed_dictionaries(
    {"steps": st.lists(STEPS, max_size=4).map(rising)},
    optional={
        "guards": st.lists(GUARDS, max_size=3),
        "confidence": st.sampled_from([0.5, 0.501, 0.95, 0.9999, 0.999999, 1]),
        "minTime": TIMES,
        "maxTime": TIMES,
    },
)


@given(SPECS)
def test_whatever_the_api_accepts_can_be_carried_out(spec: JSON) -> None:
    obj = rollout(**spec)

    assert isinstance(of(obj), Intent) == (errors(interpret(obj).problems) == [])
