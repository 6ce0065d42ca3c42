"""Small weights on services that users' requests call many times."""

from __future__ import annotations

import pytest
from tests.analysis.samples import REVIEWS, routes, stock, told

from turnout.delivery.blast_radius import FanOut, measured
from turnout.delivery.wide_splits import split_hosts, stated, wide_splits
from turnout.resources.interpret import interpret
from turnout.resources.reader import read

HOST = "reviews.default.svc.cluster.local"


def annotated(calls: str) -> str:
    annotation = f'annotations: {{turnout.dev/calls-per-request: "{calls}"}}'
    return REVIEWS.replace("namespace: default}", f"namespace: default, {annotation}}}", 1)


def split(*weights: int) -> str:
    return routes(f"[{{route: [{', '.join(_choice(at, weight) for at, weight in enumerate(weights, 1))}]}}]")


def _choice(version: int, weight: int) -> str:
    return f"{{destination: {{host: reviews, subset: v{version}}}, weight: {weight}}}"


def found(calls: str, *texts: str) -> list[str]:
    stocked = stock(annotated(calls), *texts)
    return told(list(wide_splits(stocked, stated(stocked))))


def test_one_percent_of_25_calls_each_is_more_than_a_fifth_of_the_users() -> None:
    stocked = stock(annotated("25"), split(99, 1))
    [problem] = wide_splits(stocked, stated(stocked))
    assert told([problem]) == [
        "TNO313 VirtualService default/reviews spec.http[0].route[1].weight: "
        "1 % of the calls are 22 % of users' requests: each makes 25 calls"
    ]
    assert problem.hint == "no weight touches so few; or let all calls of one go the same way: annotation " + (
        "turnout.dev/sticky"
    )


def test_the_hint_names_the_weight_that_touches_as_few_as_was_meant() -> None:
    stocked = stock(annotated("25"), split(90, 10))
    [problem] = wide_splits(stocked, stated(stocked))
    assert (problem.hint or "").startswith("0.4 % would touch 10 % of them; or ")


@pytest.mark.parametrize(
    ("calls", "weights"),
    [("2", (99, 1)), ("1", (99, 1)), ("0.5", (99, 1)), ("25", (50, 50)), ("25", (100, 0)), ("25", (100,))],
)
def test_few_calls_halves_and_no_split_surprise_nobody(calls: str, weights: tuple[int, ...]) -> None:
    assert not found(calls, split(*weights))


def test_of_a_sticky_split_a_user_meets_one_version() -> None:
    sticky = "namespace: default, annotations: {turnout.dev/sticky: request}}"
    assert not found("25", split(99, 1).replace("namespace: default}", sticky))


def test_what_was_measured_is_exact_where_traces_tell() -> None:
    stocked = stock(REVIEWS, split(95, 5))
    [line] = told(list(wide_splits(stocked, {HOST: measured({0: 50, 40: 50})})))
    assert line.endswith("5 % of the calls are 44 % of users' requests: each makes 20 calls")
    [line] = told(list(wide_splits(stocked, {HOST: FanOut(19.5)})))
    assert line.endswith("5 % of the calls are up to 63 % of users' requests: each makes 19.5 calls")


def test_only_services_that_are_split_need_to_be_asked_about() -> None:
    objects = [
        d.data for text in (split(99, 1), routes("[{route: [{destination: {host: b}}]}]")) for d in read(text, "")[0]
    ]
    assert split_hosts(interpret(obj).draft for obj in objects) == [HOST]


def test_what_is_no_number_of_calls_is_refused_at_its_line() -> None:
    [document] = read(annotated("many"), "a.yaml")[0][:1]
    [problem] = interpret(document.data, document).problems
    assert (problem.code, problem.message) == ("TNO015", '"many" is no number of calls')


GAMMA = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: reviews, namespace: default, annotations: {STICKY}}
spec:
  parentRefs: [{group: "", kind: Service, name: reviews}]
  rules: [{backendRefs: [{name: reviews-v1, port: 80, weight: 95}, {name: reviews-v2, port: 80, weight: 5}]}]
"""


def test_of_a_route_of_gateway_api_the_service_that_it_is_attached_to_tells() -> None:
    [line] = found("25", GAMMA.replace("STICKY", ""))
    assert line == (
        "TNO313 HTTPRoute default/reviews spec.rules[0].backendRefs[1].weight: "
        "5 % of the calls are 72 % of users' requests: each makes 25 calls"
    )
    assert not found("25", GAMMA.replace("STICKY", "turnout.dev/sticky: request"))
    assert not found("2", GAMMA.replace("STICKY", ""))
