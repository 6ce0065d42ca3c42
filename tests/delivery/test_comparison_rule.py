"""A comparison's rules are found and taken away, and nobody else's."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from typing import Any

import jsonpatch
import pytest

from turnout.delivery.comparison_rule import bare, without_copies
from turnout.delivery.edit import Edit, Refusal
from turnout.delivery.plan import Routing
from turnout.delivery.steering import Versions, steer

JSON = dict[str, Any]
VERSIONS = Versions("app.default.svc.cluster.local", "v1", "v2")
COMPARED = Routing(mirror_percent=Decimal("6.25"), compare=True)


def virtual_service(*http: JSON) -> JSON:
    metadata = {"name": "app", "namespace": "default", "resourceVersion": "7"}
    return {"metadata": metadata, "spec": {"hosts": ["app"], "http": [*http]}}


def route(name: str, **more: Any) -> JSON:
    choices = [{"destination": {"host": "app", "subset": s}, "weight": w} for s, w in (("v1", 100), ("v2", 0))]
    return {"name": name, "route": choices, **more}


def after(before: JSON, edits: list[Edit] | Refusal) -> JSON:
    assert not isinstance(edits, Refusal), edits
    result: JSON = deepcopy(before)
    for edit in edits:
        result = jsonpatch.apply_patch(result, [dict(each) for each in edit.operations])
    return result


def compared(before: JSON) -> JSON:
    return after(before, steer([before], VERSIONS, COMPARED))


def names(virtual_service: JSON) -> list[str]:
    return [rule["name"] for rule in virtual_service["spec"]["http"]]


def test_every_rule_goes_and_what_else_was_done_meanwhile_stays() -> None:
    live = compared(virtual_service(route("a", match=[{"uri": {"prefix": "/a"}}]), route("b")))
    assert names(live) == ["a-mirror", "a", "b-mirror", "b"]
    live["spec"]["http"][3]["route"][0]["weight"] = 50
    gone = after(live, without_copies([live], VERSIONS))
    assert names(gone) == ["a", "b"]
    assert gone["spec"]["http"] == [live["spec"]["http"][1], live["spec"]["http"][3]]
    assert bare(live, VERSIONS) == gone["spec"]


def test_of_one_route_the_others_keep_theirs() -> None:
    live = compared(virtual_service(route("a", match=[{"uri": {"prefix": "/a"}}]), route("b")))
    only_b = replace(VERSIONS, route="b")
    assert names(after(live, without_copies([live], only_b))) == ["a-mirror", "a", "b"]


@pytest.mark.parametrize(
    "versions", [replace(VERSIONS, candidate="v3"), replace(VERSIONS, host="other.default.svc.cluster.local")]
)
def test_somebody_elses_stay(versions: Versions) -> None:
    live = compared(virtual_service(route("b")))
    assert without_copies([live], versions) == []
    assert bare(live, versions) == live["spec"]


def test_a_mirror_that_compares_nothing_stays() -> None:
    before = virtual_service(route("b"))
    mirrored = after(before, steer([before], VERSIONS, Routing(mirror_percent=Decimal(10))))
    assert names(mirrored) == ["b-mirror", "b"]
    assert without_copies([mirrored], VERSIONS) == []


def test_without_any_nothing_is_written() -> None:
    assert without_copies([virtual_service(route("b"))], VERSIONS) == []
    other = virtual_service() | {"spec": {"tcp": []}}
    assert bare(other, VERSIONS) == {"tcp": []}
