"""Mirrors on and off, for all methods or for the safe ones."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import Any

import jsonpatch

from turnout.delivery.edit import Edit, Refusal
from turnout.delivery.mirroring import mirror, off
from turnout.delivery.weights import shift

HOST = "app.default.svc.cluster.local"


def virtual_service(*routes: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "app", "namespace": "default", "resourceVersion": "7"}
    return {"metadata": metadata, "spec": {"hosts": ["app"], "http": list(routes)}}


def plain_route(**extra: Any) -> dict[str, Any]:
    return {"name": "main", "route": [{"destination": {"host": "app", "subset": "v1"}}], **extra}


def applied(before: dict[str, Any], edits: list[Edit] | Refusal) -> list[dict[str, Any]]:
    assert not isinstance(edits, Refusal), edits
    after = deepcopy(before)
    for edit in edits:
        after = jsonpatch.apply_patch(after, list(edit.operations))
    found: list[dict[str, Any]] = after["spec"]["http"]
    return found


def test_a_mirror_is_put_on_the_route_that_serves_the_host() -> None:
    before = virtual_service(plain_route())
    after = applied(before, mirror([before], HOST, "v2", percent=50))
    assert after == [plain_route(mirror={"host": "app", "subset": "v2"}, mirrorPercentage={"value": 50})]


def test_limited_to_methods_a_rule_of_its_own_comes_before_the_route() -> None:
    before = virtual_service(plain_route(match=[{"uri": {"prefix": "/a"}}]))
    first, second = applied(before, mirror([before], HOST, "v2", methods=["GET", "HEAD"]))
    assert first["name"] == "main-mirror"
    assert [match["method"]["exact"] for match in first["match"]] == ["GET", "HEAD"]
    assert all(match["uri"] == {"prefix": "/a"} for match in first["match"])
    assert second == before["spec"]["http"][0]


def test_a_route_without_a_name_is_chosen_by_its_place_with_the_rule_that_mirrors_a_part_of_it() -> None:
    bare = {"route": plain_route()["route"]}
    original = virtual_service(bare, bare)
    limited = virtual_service(*applied(original, mirror([original], HOST, "v2", methods=["GET"], route_name="http[1]")))
    assert [rule.get("name") for rule in limited["spec"]["http"]] == [None, "route-mirror", None]
    assert applied(limited, off([limited], HOST, "http[2]")) == original["spec"]["http"]


def test_off_takes_both_forms_back() -> None:
    original = virtual_service(plain_route())
    for methods in ([], ["GET"]):
        on = virtual_service(*applied(original, mirror([original], HOST, "v2", methods=methods)))
        assert applied(on, off([on], HOST)) == original["spec"]["http"]


def test_mirroring_anew_replaces_the_mirror_that_is_there() -> None:
    original = virtual_service(plain_route())
    limited = virtual_service(*applied(original, mirror([original], HOST, "v2", methods=["GET"])))
    after = applied(limited, mirror([limited], HOST, "v3"))
    assert [route["mirror"]["subset"] for route in after] == ["v3"]


def test_no_route_to_the_host_is_refused() -> None:
    assert isinstance(mirror([virtual_service(plain_route())], "other.default.svc.cluster.local", "v2"), Refusal)


def test_shift_treats_a_route_and_its_mirror_rule_as_one() -> None:
    choices = [{"destination": {"host": "app", "subset": s}, "weight": w} for s, w in (("v1", 100), ("v2", 0))]
    original = virtual_service({"name": "main", "route": choices})
    limited = virtual_service(*applied(original, mirror([original], HOST, "v2", methods=["GET"])))
    edits = shift([limited], HOST, {"v2": Decimal(5)}, "main")
    after = applied(limited, edits)
    assert [[c["weight"] for c in route["route"]] for route in after] == [[95, 5], [95, 5]]
