"""Where the boxes and lines of the graph stand."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from turnout.web.layout import BOX_WIDTH, Box, Layout, Link, Place, arrange

CHAIN = [Box(name, (name,)) for name in ("gateway", "customer", "preference", "recommendation")]
CALLS = [Link("gateway", "customer"), Link("customer", "preference"), Link("preference", "recommendation")]


def box(key: str, rows: int = 1) -> Box:
    return Box(key, tuple(f"{key}-{at}" for at in range(rows)))


def column(layout: Layout) -> dict[str, float]:
    return {key: place.x for key, place in layout.boxes.items()}


def overlap(one: Place, other: Place) -> bool:
    apart = one.right <= other.x or other.right <= one.x
    return not (apart or one.y + one.height <= other.y or other.y + other.height <= one.y)


def test_callers_stand_left_of_those_they_call() -> None:
    layout = arrange(CHAIN, CALLS)
    places = [layout.boxes[box.key] for box in CHAIN]
    assert [place.x for place in places] == sorted({place.x for place in places})
    assert len({place.middle for place in places}) == 1, "a chain is straight"


def test_the_order_in_which_things_are_told_makes_no_difference() -> None:
    assert arrange(CHAIN, CALLS) == arrange(reversed(CHAIN), reversed(CALLS))


def test_versions_stand_in_their_services_box_from_top_to_bottom() -> None:
    layout = arrange([box("a"), box("b", 3)], [Link("a-0", "b-0"), Link("a-0", "b-2")])
    rows = [layout.rows[f"b-{at}"] for at in range(3)]
    assert [row.y for row in rows] == sorted(row.y for row in rows)
    whole = layout.boxes["b"]
    assert all(row.x == whole.x and whole.y <= row.y and row.y + row.height <= whole.y + whole.height for row in rows)


def test_another_call_leaves_everything_in_its_column_and_order() -> None:
    before = arrange(CHAIN, CALLS)
    after = arrange(CHAIN, [*CALLS, Link("customer", "recommendation")])
    assert column(before) == column(after)
    assert all(abs(before.boxes[key].y - after.boxes[key].y) < 60 for key in before.boxes)


def test_another_version_moves_no_box_to_the_side() -> None:
    grown = [*CHAIN[:-1], Box("recommendation", ("recommendation", "recommendation-v2"))]
    after = arrange(grown, [*CALLS, Link("preference", "recommendation-v2")])
    assert column(arrange(CHAIN, CALLS)) == column(after)


def test_a_call_back_changes_no_column_and_runs_below() -> None:
    layout = arrange(CHAIN, [*CALLS, Link("recommendation", "customer")])
    assert column(layout) == column(arrange(CHAIN, CALLS))
    line = layout.lines[Link("recommendation", "customer")]
    assert line.y > max(place.y + place.height for place in layout.boxes.values())


def test_what_nobody_calls_stands_below() -> None:
    layout = arrange([*CHAIN, box("alone"), box("lonely")], CALLS)
    linked = [layout.boxes[one.key] for one in CHAIN]
    assert layout.boxes["alone"].y > max(place.y + place.height for place in linked)
    assert layout.boxes["alone"].y == layout.boxes["lonely"].y


def test_a_line_over_a_column_passes_between_its_boxes() -> None:
    boxes = [box("a"), box("b"), box("c"), box("d")]
    layout = arrange(boxes, [Link("a-0", "b-0"), Link("b-0", "c-0"), Link("a-0", "c-0"), Link("a-0", "d-0")])
    passed = layout.boxes["b"]
    (straight,) = re.findall(r"([\d.-]+)H", layout.lines[Link("a-0", "c-0")].path)
    assert not passed.y <= float(straight) <= passed.y + passed.height


def test_calls_between_the_same_two_run_side_by_side() -> None:
    layout = arrange([box("a"), box("b")], [Link("a-0", "b-0", "copies"), Link("a-0", "b-0", "requests")])
    copies, requests = (layout.lines[Link("a-0", "b-0", lane)] for lane in ("copies", "requests"))
    assert copies.path != requests.path
    assert abs(copies.y - requests.y) >= 19


def test_labels_above_each_other_keep_their_distance() -> None:
    boxes = [box("a", 4), box("b", 4)]
    layout = arrange(boxes, [Link(f"a-{one}", f"b-{other}") for one in range(4) for other in range(4)])
    heights = sorted(line.y for line in layout.lines.values())
    assert all(lower - upper >= 18.9 for upper, lower in pairwise(heights))


def test_nothing_at_all_is_a_picture_too() -> None:
    assert arrange([], []).boxes == {}


NAMES = [f"s{at}" for at in range(9)]
GRAPHS = st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=24)


@given(GRAPHS)
@settings(max_examples=200, deadline=None)
def test_no_box_covers_another_and_everything_lies_in_the_frame(pairs: set[tuple[str, str]]) -> None:
    layout = arrange(
        [box(name, 1 + at % 3) for at, name in enumerate(NAMES)], [Link(f"{a}-0", f"{b}-0") for a, b in pairs]
    )
    places = list(layout.boxes.values())
    assert not any(overlap(one, other) for at, one in enumerate(places) for other in places[at + 1 :])
    frame = layout.frame
    for place in places:
        assert frame.x <= place.x
        assert place.x + BOX_WIDTH <= frame.x + frame.width
        assert frame.y <= place.y
        assert place.y + place.height <= frame.y + frame.height
    for line in layout.lines.values():
        assert frame.x <= line.x <= frame.x + frame.width
        assert frame.y <= line.y <= frame.y + frame.height


@given(GRAPHS)
@settings(max_examples=100, deadline=None)
def test_without_cycles_every_caller_stands_left(pairs: set[tuple[str, str]]) -> None:
    forward = [Link(f"{a}-0", f"{b}-0") for a, b in pairs if a < b]
    places = arrange([box(name) for name in NAMES], forward).rows
    assert all(places[link.source].x < places[link.target].x for link in forward)
