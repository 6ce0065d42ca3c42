"""Mirrors in routes of Gateway API: filters of rules."""

from __future__ import annotations

from typing import Any

import jsonpatch
import pytest
from tests.delivery.test_splits import rule, web

from turnout.delivery.edit import Edit, JSONObject, Refusal
from turnout.delivery.route_mirroring import mirror, off, serves

HOST = "reviews-v1.default.svc.cluster.local"
HEADERS = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x"]}}


def patched(obj: JSONObject, edits: list[Edit] | Refusal) -> list[dict[str, Any]]:
    """The rules, once the edit is carried out."""
    assert not isinstance(edits, Refusal), edits
    for edit in edits:
        obj = jsonpatch.apply_patch(obj, list(edit.operations))
    rules: list[dict[str, Any]] = obj["spec"]["rules"]
    return rules


def copies(service: str = "reviews-v3", **share: Any) -> dict[str, Any]:
    return {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": service, "port": 80}, **share}}


@pytest.mark.parametrize(
    ("percent", "share"),
    [
        (100.0, {}),
        (5.0, {"percent": 5}),
        (0.1, {"fraction": {"numerator": 100, "denominator": 100000}}),
        (0.0, {"percent": 0}),
    ],
)
def test_a_mirror_is_a_filter_beside_those_that_are_there(percent: float, share: dict[str, Any]) -> None:
    route = web({**rule("a", v1=9, v2=1), "filters": [HEADERS, copies("old")]})
    edits = mirror([route], HOST, "reviews-v3", percent=percent)
    assert patched(route, edits) == [{**rule("a", v1=9, v2=1), "filters": [HEADERS, copies(**share)]}]
    assert isinstance(edits, list)
    [change] = edits[0].shown
    assert (change.before, change.after) == ({"mirror": "100 % to old"}, {"mirror": f"{percent:g} % to reviews-v3"})


def test_off_leaves_a_rule_as_it_was_without_a_mirror() -> None:
    route = web({**rule(v1=1), "filters": [copies()]}, {**rule(v1=1), "filters": [HEADERS]})
    assert patched(route, off([route], HOST)) == [rule(v1=1), {**rule(v1=1), "filters": [HEADERS]}]


def test_some_methods_get_a_rule_of_their_own_that_off_takes_away() -> None:
    matches = [{"path": {"value": "/a"}}, {"method": "POST"}]
    route = web({**rule("a", v1=1), "matches": matches}, rule("b", v2=1))
    after = patched(route, mirror([route], HOST, "reviews-v3", methods=["GET", "POST"]))
    limited = [
        {"path": {"value": "/a"}, "method": "GET"},
        {"path": {"value": "/a"}, "method": "POST"},
        {"method": "POST"},
    ]
    assert after == [
        {**rule("a-mirror", v1=1), "matches": limited, "filters": [copies()]},
        {**rule("a", v1=1), "matches": matches},
        rule("b", v2=1),
    ]
    mirrored = {**route, "spec": {**route["spec"], "rules": after}}
    assert patched(mirrored, off([mirrored], HOST)) == route["spec"]["rules"]
    again = mirror([mirrored], HOST, "reviews-v3", methods=["GET", "POST"])
    assert again == []


def test_grpc_cannot_be_limited_to_methods() -> None:
    route = web(rule(v1=1), kind="GRPCRoute")
    assert isinstance(mirror([route], HOST, "reviews-v3", methods=["GET"]), Refusal)
    assert patched(route, mirror([route], HOST, "reviews-v3"))[0]["filters"] == [copies()]


def test_only_the_rules_of_the_service_are_changed_and_there_has_to_be_one() -> None:
    route = web(rule("a", v1=1), rule("b", v2=1))
    assert patched(route, mirror([route], HOST, "reviews-v3"))[1] == rule("b", v2=1)
    assert isinstance(mirror([route], HOST, "reviews-v3", route_name="b"), Refusal)
    assert isinstance(off([route], "other.default.svc.cluster.local"), Refusal)
    assert serves([route], HOST)
    assert not serves([{"kind": "VirtualService", **route}], "other.default.svc.cluster.local")
