"""Weights of connections, and of Gateway API's routes, whose versions are Services."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from turnout.delivery.edit import Edit, Refusal
from turnout.delivery.splits import splits
from turnout.delivery.weights import heaviest, shift

DB = "db.default.svc.cluster.local"
REVIEWS = "reviews.default.svc.cluster.local"
TENTH = {"v2": Decimal(10)}


def database(kind: str = "tcp") -> dict[str, Any]:
    choices = [
        {"destination": {"host": "db", "subset": "v1"}, "weight": 100},
        {"destination": {"host": "db", "subset": "v2"}},
    ]
    metadata = {"name": "db", "namespace": "default", "resourceVersion": "7"}
    return {"kind": "VirtualService", "metadata": metadata, "spec": {"hosts": ["db"], kind: [{"route": choices}]}}


def web(*rules: dict[str, Any], parent: dict[str, str] | None = None, kind: str = "HTTPRoute") -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "default", "resourceVersion": "7"}
    return {"kind": kind, "metadata": metadata, "spec": {"parentRefs": [parent or {"name": "gw"}], "rules": [*rules]}}


def rule(name: str = "", **weights: int | None) -> dict[str, Any]:
    refs = [
        {"name": f"reviews-{version}", "port": 80, **({} if weight is None else {"weight": weight})}
        for version, weight in weights.items()
    ]
    return {"backendRefs": refs, **({"name": name} if name else {})}


def edit_of(edits: list[Edit] | Refusal) -> Edit:
    assert not isinstance(edits, Refusal), edits
    [edit] = edits
    return edit


@pytest.mark.parametrize("kind", ["tcp", "tls"])
def test_connections_are_shifted_as_requests_are(kind: str) -> None:
    edit = edit_of(shift([database(kind)], DB, TENTH, f"{kind}[0]"))
    assert [(field.path, field.before, field.after) for field in edit.fields] == [
        (("spec", kind, 0, "route", 0, "weight"), 100, 90),
        (("spec", kind, 0, "route", 1, "weight"), None, 10),
    ]
    assert (edit.kind, edit.shown[0].route, edit.shown[0].after) == (
        "VirtualService",
        f"{kind}[0]",
        {"v1": "90", "v2": "10"},
    )


@pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute", "TCPRoute"])
def test_of_a_route_of_gateway_api_versions_are_services(kind: str) -> None:
    route = web(rule(v1=None, v2=None), kind=kind)
    edit = edit_of(shift([route], "reviews-v1.default.svc.cluster.local", {"reviews-v2": Decimal("0.1")}))
    assert (edit.kind, [field.after for field in edit.fields]) == (kind, [999, 1])
    assert edit.shown[0].before == {"reviews-v1": "50", "reviews-v2": "50"}
    assert edit.operations[1] == {"op": "add", "path": "/spec/rules/0/backendRefs/0/weight", "value": 999}


def test_a_route_inside_the_mesh_splits_the_service_that_it_is_attached_to() -> None:
    parent = {"group": "", "kind": "Service", "name": "reviews"}
    wanted = {"reviews-v2": Decimal(20)}
    edit = edit_of(shift([web(rule(v1=90, v2=10), parent=parent)], REVIEWS, wanted))
    assert [field.after for field in edit.fields] == [80, 20]
    assert isinstance(shift([web(rule(v1=90, v2=10))], REVIEWS, wanted), Refusal)


def test_a_rule_is_chosen_by_its_name_or_its_place() -> None:
    rules = rule("a", v1=1, v2=0), rule("b", v1=1, v2=0), rule(v1=1, v2=0)
    host, wanted = "reviews-v2.default.svc.cluster.local", {"reviews-v2": Decimal(5)}
    for name, at in (("b", 1), ("rules[2]", 2)):
        edit = edit_of(shift([web(*rules)], host, wanted, name))
        assert {field.path[2] for field in edit.fields} == {at}


def test_backends_of_other_namespaces_and_names_are_told_apart() -> None:
    refs = [{"name": "a", "namespace": "other"}, {"name": "a"}, {"name": "b", "weight": 0}]
    [split] = splits(web({"backendRefs": refs}))
    assert [choice.host for choice in split.choices] == [
        "a.other.svc.cluster.local",
        "a.default.svc.cluster.local",
        "b.default.svc.cluster.local",
    ]
    assert split.weights == [1, 1, 0]


def test_a_refusal_names_the_services_that_share_a_route() -> None:
    found = shift([web(rule("main", v1=1, v2=0))], "reviews-v1.default.svc.cluster.local", TENTH)
    assert isinstance(found, Refusal)
    assert found.hint == "versions that share a route: reviews-v1, reviews-v2; routes: main"


def test_the_heaviest_version_is_found_in_every_kind() -> None:
    assert heaviest([database()], DB) == "v1"
    assert heaviest([web(rule(v1=1, v2=9))], "reviews-v1.default.svc.cluster.local") == "reviews-v2"
