"""Shifting weights: whole numbers that total 100 (or 1000), in every route that lists the subsets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from turnout.delivery.edit import Edit, Refusal
from turnout.delivery.weights import shift

HOST = "app.default.svc.cluster.local"


def virtual_service(name: str, *routes: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default", "resourceVersion": "7"}
    return {"metadata": metadata, "spec": {"hosts": ["app"], "http": list(routes)}}


def route(name: str = "", **weights: int) -> dict[str, Any]:
    choices = [{"destination": {"host": "app", "subset": s}, "weight": w} for s, w in weights.items()]
    return {"name": name, "route": choices}


def weights_of(edits: list[Edit] | Refusal) -> list[int]:
    assert not isinstance(edits, Refusal), edits
    return [field.after for edit in edits for field in edit.fields]


def test_what_is_not_named_fills_the_rest_to_100() -> None:
    assert weights_of(shift([virtual_service("a", route(green=0, blue=100))], HOST, {"green": Decimal(1)})) == [1, 99]


def test_a_tenth_of_a_percent_becomes_1_and_999_of_1000() -> None:
    edits = shift([virtual_service("a", route(green=0, blue=100))], HOST, {"green": Decimal("0.1")})
    assert weights_of(edits) == [1, 999]


def test_every_virtual_service_that_lists_the_subsets_is_changed() -> None:
    both = [virtual_service("cluster", route(green=0, blue=100)), virtual_service("ingress", route(green=0, blue=100))]
    edits = shift(both, HOST, {"green": Decimal(50)})
    assert weights_of(edits) == [50, 50, 50, 50]


def test_a_route_with_a_single_destination_is_left_alone() -> None:
    edits = shift(
        [virtual_service("a", route("v2", green=0, blue=100), route("v1", blue=100))], HOST, {"blue": Decimal(0)}
    )
    assert weights_of(edits) == [100, 0]


def test_only_the_named_route_is_changed_together_with_its_mirror_rule() -> None:
    routes = route("x-mirror", green=0, blue=100), route("x", green=0, blue=100), route("y", green=0, blue=100)
    edits = shift([virtual_service("a", *routes)], HOST, {"green": Decimal(10)}, "x")
    assert weights_of(edits) == [10, 90, 10, 90]


def test_the_unnamed_keep_their_proportion() -> None:
    edits = shift([virtual_service("a", route(a=20, b=60, c=20))], HOST, {"c": Decimal(60)})
    assert weights_of(edits) == [10, 30, 60]


def test_more_than_100_percent_is_refused() -> None:
    found = shift([virtual_service("a", route(a=0, b=100))], HOST, {"a": Decimal(60), "b": Decimal(60)})
    assert isinstance(found, Refusal)
    assert "120" in found.message


def test_less_than_100_percent_with_all_named_is_refused() -> None:
    found = shift([virtual_service("a", route(a=0, b=100))], HOST, {"a": Decimal(40), "b": Decimal(40)})
    assert isinstance(found, Refusal)
    assert "80" in found.message


def test_a_subset_that_no_route_lists_is_refused_with_those_that_are_listed() -> None:
    found = shift([virtual_service("a", route(blue=0, green=100))], HOST, {"gren": Decimal(40)})
    assert isinstance(found, Refusal)
    assert "green" in (found.hint or "")


@given(
    now=st.lists(st.integers(0, 100), min_size=2, max_size=6),
    percent=st.decimals(0, 100, places=3),
)
def test_weights_are_whole_and_total_a_power_of_ten(now: list[int], percent: Decimal) -> None:
    subsets = {f"s{i}": weight for i, weight in enumerate(now)}
    found = weights_of(shift([virtual_service("a", route("", **subsets))], HOST, {"s0": percent}))
    assert sum(found) in {100, 1000, 10_000, 100_000}
    assert all(weight >= 0 for weight in found)
    assert Decimal(found[0]) / sum(found) * 100 == percent
