"""Rollouts that cannot be carried out, or that nobody could judge."""

from __future__ import annotations

from typing import Any

import pytest
from tests.resources import samples
from tests.resources.samples import codes, in_file

from turnout.resources.interpret import interpret
from turnout.resources.rollout import Rollout

JSON = dict[str, Any]
ERRORS: JSON = {"errors": {"tolerance": 1}}


def rollout(**spec: Any) -> JSON:
    """From v1 to v2 over 5 %; None takes a field away."""
    whole = {"service": "reviews", "from": "v1", "to": "v2", "steps": [{"weight": 5}], **spec}
    kept = {name: value for name, value in whole.items() if value is not None}
    metadata = {"name": "reviews-v2", "namespace": "default"}
    return {"apiVersion": "turnout.dev/v1alpha1", "kind": "Rollout", "metadata": metadata, "spec": kept}


def steps(*given: JSON, **spec: Any) -> JSON:
    return rollout(steps=[*given], **spec)


def guards(*given: JSON) -> JSON:
    return rollout(guards=[*given])


def query(**given: Any) -> JSON:
    return guards({"query": {"bad": 'b{v="$version"}', "total": 't{v="$version"}', **given}})


def hook(**given: Any) -> JSON:
    return rollout(hooks=[given])


VALID = {
    "the least": rollout(),
    "every kind of step": steps(
        {"compare": {"percent": 6.25, "baseline": 25}},
        {"mirror": {}, "minTime": "0s"},
        {"users": {"headers": {"x-group": {"exact": "beta"}, "cookie": {"regex": ".*a=b.*"}}}},
        {"weight": 0.1, "maxTime": "10m"},
        {"pause": {}},
        {"weight": 50},
        {"pause": {"duration": "90m"}},
        {"weight": 100, "minTime": "5s"},
    ),
    "every kind of guard": rollout(
        steps=[{"compare": {}}, {"weight": 5}],
        guards=[
            {"errors": {"tolerance": 0.5, "codes": ["4xx", 429, "404"]}},
            {"slow": {"quantile": 0.5}},
            {"slow": {"quantile": 0.999, "tolerance": 0.1}, "name": "slowest"},
            {"regressions": {}},
            {"query": {"bad": "b{$subset}", "total": "t{$version}", "prometheus": "https://p.test:9090/x?y=1"}},
        ],
    ),
    "all the choices": rollout(
        service="reviews.shop.svc.cluster.local",
        route="main",
        methods=["GET", "POST"],
        confidence=0.99,
        minTime="10s",
        maxTime="2h",
        onTimeout="abort",
        maxUserImpact=0.5,
        sticky="cookie:session",
        expectations="expectations.yaml",
    ),
    "hooks": rollout(
        hooks=[
            {"exec": ["./notify.sh", "--loud"], "events": ["step", "finish"], "timeout": "1s"},
            {"webhook": {"url": "http://[::1]:8080/hook", "secretFile": "key"}},
        ]
    ),
}

INVALID = {
    "no service": (rollout(service=None), ["TNO014"]),
    "no service's name": (rollout(service="a b"), ["TNO103"]),
    "no subset's name": (rollout(to="v_2"), ["TNO101"]),
    "from v2 to v2": (rollout(**{"from": "v2"}), ["TNO186"]),
    "no steps": (rollout(steps=None), ["TNO014"]),
    "an empty list of steps": (steps(), ["TNO186"]),
    "more steps than anybody waits for": (steps(*({"weight": n / 10} for n in range(1, 103))), ["TNO186"]),
    "a step of nothing": (steps({}, {"weight": 5}), ["TNO186"]),
    "a pause of nothing": (steps({"weight": 5}, {"pause": None}), ["TNO186"]),
    "a step of two kinds": (steps({"weight": 5, "mirror": {}}), ["TNO018"]),
    "a misspelt kind": (steps({"wieght": 5}), ["TNO012"]),
    "a weight in words": (steps({"weight": "five"}), ["TNO013"]),
    "no weight": (steps({"weight": 0}, {"weight": 5}), ["TNO107", "TNO186"]),
    "too much weight": (steps({"weight": 5}, {"weight": 101}), ["TNO107"]),
    "hundredths": (steps({"weight": 0.25}), ["TNO186"]),
    "weights that fall": (steps({"weight": 5}, {"weight": 1}), ["TNO186"]),
    "weights that stay": (steps({"weight": 5}, {"pause": {}}, {"weight": 5}), ["TNO186"]),
    "a step after the last": (steps({"weight": 5}, {"weight": 100}, {"pause": {}}), ["TNO186"]),
    "all at once": (steps({"weight": 100}), ["TNO186"]),
    "a pause and then all": (steps({"pause": {}}, {"weight": 100}), ["TNO186"]),
    "nobody's copies": (steps({"mirror": {"percent": 0}}), ["TNO107"]),
    "too many copies": (steps({"compare": {"percent": 101}}), ["TNO107"]),
    "no baseline": (steps({"compare": {"baseline": 0}}), ["TNO107"]),
    "two baselines": (steps({"compare": {"baseline": 5}}, {"compare": {"baseline": 6}}), ["TNO186"]),
    "a group of nobody": (steps({"users": {}}), ["TNO186"]),
    "a group by no header": (steps({"users": {"headers": {"a b": {"exact": "c"}}}}), ["TNO116"]),
    "a group by no pattern": (steps({"users": {"headers": {"a": {"regex": "("}}}}), ["TNO114"]),
    "a group by two patterns": (steps({"users": {"headers": {"a": {"exact": "b", "prefix": "c"}}}}), ["TNO018"]),
    "a time without a unit": (steps({"weight": 5, "minTime": 30}), ["TNO017"]),
    "a negative time": (steps({"weight": 5, "minTime": "-1s"}), ["TNO106"]),
    "less time than it takes": (steps({"weight": 5, "minTime": "2h"}), ["TNO186"]),
    "a time that is too short for the rest": (rollout(maxTime="30s"), ["TNO186"]),
    "a pause that is longer than it may be": (
        steps({"weight": 5}, {"pause": {"duration": "10m"}, "maxTime": "5m"}),
        ["TNO186"],
    ),
    "a pause with a least time": (steps({"weight": 5}, {"pause": {}, "minTime": "5m"}), ["TNO186"]),
    "no guards": (guards(), ["TNO187"]),
    "a guard of nothing": (guards(ERRORS, {"name": "a"}), ["TNO187"]),
    "a guard of two kinds": (guards({**ERRORS, "slow": {}}), ["TNO018"]),
    "an unknown guard": (guards(ERRORS, {"latency": {}}), ["TNO012"]),
    "two guards of one name": (guards(ERRORS, ERRORS), ["TNO105"]),
    "a guard that tolerates nothing": (guards({"errors": {"tolerance": 0}}), ["TNO187"]),
    "a guard that tolerates all": (guards({"slow": {"tolerance": 100}}), ["TNO187"]),
    "no quantile": (guards({"slow": {"quantile": 99}}), ["TNO187"]),
    "no status": (guards({"errors": {"codes": ["5x"]}}), ["TNO187"]),
    "half a query": (guards({"query": {"bad": "$version"}}), ["TNO014"]),
    "an empty query": (query(bad=" "), ["TNO187"]),
    "a query that is the same for both": (query(total="sum(requests)"), ["TNO187"]),
    "no Prometheus": (query(prometheus="localhost:9090"), ["TNO187"]),
    "nobody who judges a comparison": (steps({"compare": {}}, {"weight": 5}, guards=[ERRORS]), ["TNO187"]),
    "nobody who judges a weight": (guards({"regressions": {}}), ["TNO187"]),
    "confidence in percent": (rollout(confidence=95), ["TNO016"]),
    "certainty": (rollout(confidence=1), ["TNO016"]),
    "no impact": (rollout(maxUserImpact=0), ["TNO107"]),
    "a split by nothing": (rollout(sticky="user"), ["TNO015"]),
    "no method": (rollout(methods=[]), ["TNO014"]),
    "a method in lower case": (rollout(methods=["get"]), ["TNO015"]),
    "an unknown end": (rollout(onTimeout="wait"), ["TNO015"]),
    "a hook of nothing": (hook(timeout="1s"), ["TNO188"]),
    "a hook of an empty command": (hook(exec=[]), ["TNO188"]),
    "a hook of two kinds": (hook(exec=["a"], webhook={"url": "http://a"}), ["TNO018"]),
    "a hook to nowhere": (hook(webhook={"url": "hooks.test/a"}), ["TNO188"]),
    "a hook that takes for ever": (hook(exec=["a"], timeout="1h"), ["TNO188"]),
    "a hook on an unknown event": (hook(exec=["a"], events=["start"]), ["TNO015"]),
}


@pytest.mark.parametrize("name", VALID)
def test_what_can_be_carried_out_has_no_problem(name: str) -> None:
    assert [str(problem) for problem in samples.problems(VALID[name])] == []


@pytest.mark.parametrize("name", INVALID)
def test_what_cannot_is_refused_for_its_one_reason(name: str) -> None:
    obj, expected = INVALID[name]
    assert codes(obj) == expected


def test_what_is_not_said_has_its_default() -> None:
    found = interpret(rollout(steps=[{"compare": {}}, {"mirror": {}}, {"weight": 5}])).resource

    assert isinstance(found, Rollout)
    spec = found.spec
    assert (spec.confidence, spec.methods, spec.on_timeout, spec.guards) == (0.95, ("GET", "HEAD"), "hold", None)
    assert spec.steps[0].compare is not None
    assert (spec.steps[0].compare.percent, spec.steps[0].compare.baseline) == (6.25, 25.0)


def test_a_misspelt_field_is_an_error_with_its_line_and_what_was_meant() -> None:
    text = """\
apiVersion: turnout.dev/v1alpha1
kind: Rollout
metadata: {name: a}
spec:
  service: reviews
  from: v1
  to: v2
  maxUserImpakt: 5
  steps:
  - weight: 5
"""
    assert in_file(text) == [
        'f.yaml:8:3: error: unknown field "maxUserImpakt" in `spec` [TNO012]\n  hint: did you mean `maxUserImpact`?'
    ]


def test_a_weight_that_falls_is_told_with_the_line_of_the_weight() -> None:
    text = """\
apiVersion: turnout.dev/v1alpha1
kind: Rollout
metadata: {name: a}
spec: {service: reviews, from: v1, to: v2, steps: [
  {weight: 5},
  {minTime: 1m, weight: 1}]}
"""
    [problem] = in_file(text)
    assert problem.startswith("f.yaml:6:17: error: a weight of 1 % follows one of 5 % [TNO186]")
