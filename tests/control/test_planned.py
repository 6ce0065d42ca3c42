"""What a change of manifests would do to traffic, route by route."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.testing.manifests import SERVICE, routes, to

from turnout.control.planned import Planned, planned
from turnout.delivery.traffic_plan.entrance import Written
from turnout.delivery.traffic_plan.route_change import RouteChange
from turnout.inputs.files import parse

JASON = "{headers: {end-user: {exact: jason}}}"
API = "{uri: {prefix: /api}}"
GATEWAY = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}
"""


def objects(*texts: str) -> list[dict[str, object]]:
    parsed = parse(Path("x.yaml"), "---\n".join(texts))
    assert not [problem for problem in parsed.problems if problem.severity == "error"], parsed.problems
    return [manifest.obj for manifest in parsed.manifests]


def change(before: str, after: str) -> Planned:
    """Between two lists of `http` entries."""
    return planned(objects(SERVICE, routes(before)), objects(SERVICE, routes(after)))


def rule(*choices: str, match: str = "", **more: str) -> str:
    parts = [f"match: [{match}]"] if match else []
    parts += [f"route: {to(*choices)}", *(f"{name}: {value}" for name, value in more.items())]
    return "{" + ", ".join(parts) + "}"


def entries(*rules: str) -> str:
    return "[" + ", ".join(rules) + "]"


def lines(changes: Sequence[RouteChange]) -> list[tuple[str, str, str, float]]:
    return [(each.when, each.before, each.after, each.moved_percent) for each in changes]


def test_a_weight_that_moves_says_how_many_requests_go_elsewhere_and_for_whom() -> None:
    (found,) = change(entries(rule("v1")), entries(rule("v1=90", "v2=10"))).traffic.routes

    assert (found.host, found.when, found.moved_percent) == ("reviews.default:80", "every request", 10.0)
    assert (found.before, found.after) == ("all to reviews v1", "90 % to reviews v1, 10 % to reviews v2")
    assert found.callers == ("egress|default|",)
    assert found.rule == Written("VirtualService", "default", "reviews", 0, 0)


def test_a_rule_put_in_front_is_held_against_what_its_requests_met_before() -> None:
    found = change(entries(rule("v1")), entries(rule("v2", match=JASON), rule("v1"))).traffic.routes

    assert lines(found) == [("the header end-user is jason", "all to reviews v1", "all to reviews v2", 100.0)]


def test_a_rule_that_is_gone_says_who_answers_instead() -> None:
    (found,) = change(entries(rule("v2", match=JASON), rule("v1")), entries(rule("v1"))).traffic.routes

    assert (found.before, found.after, found.gone) == ("all to reviews v2", "all to reviews v1", True)


def test_rules_that_change_places_matter_to_requests_that_fit_both() -> None:
    by_user, by_path = rule("v2", match=JASON), rule("v3", match=API)
    found = change(entries(by_user, by_path, rule("v1")), entries(by_path, by_user, rule("v1"))).traffic.routes

    both = "the header end-user is jason, and the path begins with /api"
    assert lines(found) == [(both, "all to reviews v2", "all to reviews v3", 100.0)]


def test_rules_that_no_request_fits_together_may_change_places() -> None:
    get, post = (rule(to_, match=f"{{method: {{exact: {method}}}}}") for to_, method in (("v2", "GET"), ("v3", "POST")))

    assert not change(entries(get, post, rule("v1")), entries(post, get, rule("v1"))).traffic.routes


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("v1=1 v2=3", "v2=75 v1=25"),
        ("v1", "v1=100 v2=0"),
    ],
)
def test_weights_written_otherwise_change_nothing_for_requests(before: str, after: str) -> None:
    found = change(entries(rule(*before.split())), entries(rule(*after.split())))

    assert not found.traffic.routes
    assert found.changes


@pytest.mark.parametrize(
    "more",
    [
        {"timeout": "2s"},
        {"rewrite": "{uri: /v2}"},
        {"retries": "{attempts: 0}"},
        {"fault": "{abort: {httpStatus: 503, percentage: {value: 5}}}"},
        {"mirror": "{host: reviews, subset: v3}"},
        {"headers": "{request: {set: {x-team: search}}}"},
        {"corsPolicy": "{allowOrigins: [{exact: 'https://shop.test'}]}"},
    ],
)
def test_whatever_else_a_route_does_is_a_change_of_it_that_moves_nobody(more: dict[str, str]) -> None:
    (found,) = change(entries(rule("v1")), entries(rule("v1", **more))).traffic.routes

    assert found.before == "all to reviews v1"
    assert found.after != found.before
    assert found.moved_percent == 0


def test_renaming_a_route_changes_no_request() -> None:
    found = change(entries(rule("v1")), entries(rule("v1", name="all")))

    assert not found.traffic.routes
    assert [each.fields for each in found.objects] == [("spec.http[0].name",)]


def test_a_host_that_is_new_at_a_gateway_was_answered_with_404() -> None:
    bound = routes(entries(rule("v1")), head="gateways: [front]").replace("[reviews]", "[shop.test]")
    found = planned(objects(SERVICE, GATEWAY), objects(SERVICE, GATEWAY, bound)).traffic.routes

    assert [(each.host, each.callers, each.before) for each in found] == [
        ("shop.test:80", ("gateway|80",), "answered with 404: no route has this host")
    ]


def test_a_service_that_goes_away_is_answered_with_502_for_every_workload() -> None:
    found = planned(objects(SERVICE, GATEWAY), objects(GATEWAY)).traffic.routes

    assert [(each.callers, each.after) for each in found] == [
        (("egress|default|",), "answered with 502: no service has this name")
    ]


def test_a_subset_with_other_labels_and_a_policy_are_changes_on_the_way() -> None:
    after = SERVICE.replace("labels: {version: v2}", "labels: {version: v2-next}").replace(
        "subsets:", "trafficPolicy: {connectionPool: {tcp: {connectTimeout: 3s}}}\n  subsets:"
    )
    found = planned(objects(SERVICE), objects(after)).traffic.policies

    assert [(each.subsets, each.field, each.before, each.after) for each in found] == [
        (("", "v1", "v2", "v3"), "connectionPool.tcp.connectTimeout", "-", "3s"),
        (("v2",), "labels", "version=v2", "version=v2-next"),
    ]


def test_a_destination_that_does_not_exist_is_told_with_its_503_and_is_a_problem() -> None:
    found = change(entries(rule("v1")), entries(rule("v1=99", "v9=1")))

    assert "reviews.default v9 does not exist: 503" in found.traffic.routes[0].after
    assert [problem.code for problem in found.problems] == ["IST0101"]


def test_a_port_that_no_route_speaks_of_is_told_as_what_envoy_would_be_told() -> None:
    found = planned(objects(SERVICE), objects(SERVICE, GATEWAY)).traffic

    assert [(each.kind, each.name, each.change) for each in found.unexplained if each.kind == "Listener"] == [
        ("Listener", "gateway|80", "new")
    ]


def test_the_same_manifests_in_another_order_are_no_change() -> None:
    given = objects(SERVICE, GATEWAY, routes(entries(rule("v1"))))

    assert not planned(given, given[::-1]).changes


def test_a_prefix_of_an_http_route_takes_whole_segments() -> None:
    api = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: api}
spec: {gatewayClassName: istio, listeners: [{name: all, port: 8090, protocol: HTTP}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: api}]
  hostnames: [shop.test]
  rules:
  - matches: [{path: {type: PathPrefix, value: /pre}}]
    backendRefs: [{name: reviews, port: 80}]
"""
    more = "  - matches: [{path: {type: PathPrefix, value: VALUE}}]\n    backendRefs: [{name: gone, port: 80}]\n"

    below, beside = (
        planned(objects(SERVICE, api), objects(SERVICE, api + more.replace("VALUE", value))).traffic.routes
        for value in ("/pre/x", "/prefix")
    )
    assert [(each.when, each.before) for each in below] == [
        ("the path is /pre/x or below it", "all to reviews port 80")
    ]
    assert [(each.when, each.before) for each in beside] == [
        ("the path is /prefix or below it", "answered with 404: no rule matches")
    ]


def test_what_replaces_the_matched_path_does_something_else_under_another_match() -> None:
    moved = "redirect: {prefixRewrite: /new}"
    (found,) = change(f"[{{match: [{API}], {moved}}}, {{{moved}}}]", f"[{{{moved}}}]").traffic.routes

    assert (found.when, found.gone) == ("the path begins with /api", True)
