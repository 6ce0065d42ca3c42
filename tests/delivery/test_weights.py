"""Shifting weights: whole numbers that total 100 (or 1000), in every route that lists the subsets."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from turnout.delivery.edit import Edit, Refusal
from turnout.delivery.weights import heaviest, shift, spread

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


def test_a_route_without_a_name_is_chosen_by_its_place() -> None:
    routes = route(green=0, blue=100), route(green=0, blue=100)
    edits = shift([virtual_service("a", *routes)], HOST, {"green": Decimal(10)}, "http[1]")
    assert not isinstance(edits, Refusal)
    assert [field.path[2] for field in edits[0].fields] == [1, 1]


def between(*weights: int) -> dict[str, Any]:
    return {"route": [{"destination": {"host": f"app-{at}"}, "weight": w} for at, w in enumerate(weights)]}


def spread_to(before: dict[str, Any], index: int, *percents: str) -> Edit:
    edit = spread(before, index, [Decimal(percent) for percent in percents])
    assert isinstance(edit, Edit), edit
    return edit


def test_one_route_is_spread_over_services_that_are_no_subsets() -> None:
    edit = spread_to(virtual_service("a", between(1, 0), between(50, 50)), 1, "99.9", "0.1")
    assert [(field.path, field.after) for field in edit.fields] == [
        (("spec", "http", 1, "route", 0, "weight"), 999),
        (("spec", "http", 1, "route", 1, "weight"), 1),
    ]
    assert edit.shown[0].before == {"app-0": "50", "app-1": "50"}
    assert edit.shown[0].after == {"app-0": "99.9", "app-1": "0.1"}


def test_the_rule_that_mirrors_a_part_of_a_route_is_spread_with_it() -> None:
    routes = route("x-mirror", green=0, blue=100), route("x", green=0, blue=100), route("y", green=0, blue=100)
    assert weights_of([spread_to(virtual_service("a", *routes), 1, "30", "70")]) == [30, 70, 30, 70]


def test_a_spread_that_is_not_100_percent_in_all_is_refused() -> None:
    found = spread(virtual_service("a", between(1, 1)), 0, [Decimal(50), Decimal(49)])
    assert isinstance(found, Refusal)
    assert "99" in found.message


def test_a_spread_over_another_number_of_destinations_is_refused() -> None:
    assert isinstance(spread(virtual_service("a", between(1, 1)), 0, [Decimal(100)]), Refusal)


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


def test_the_heaviest_subset_is_that_with_the_most_in_all_routes_but_the_candidate() -> None:
    both = [virtual_service("a", route("x", green=60, blue=40)), virtual_service("b", route("y", blue=0))]
    assert heaviest(both, HOST) == "blue", "a single destination gets everything"
    assert heaviest(both, HOST, "x") == "green"
    assert heaviest(both, HOST, "x", without="green") == "blue"


def test_a_rule_for_copies_does_not_count_twice_and_no_subset_is_none() -> None:
    copied = virtual_service("a", route("x-mirror", green=100, blue=0), route("x", green=0, blue=100))
    assert heaviest([copied], HOST) == "blue"
    assert heaviest([virtual_service("a", {"route": [{"destination": {"host": "app"}}]})], HOST) is None
    assert heaviest([copied], "other.default.svc.cluster.local") is None
