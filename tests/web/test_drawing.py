"""What the picture of the graph says, and how it looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from tests.web.calls import call, gateway, graph, nobody, workload

from turnout.web.drawing import draw, edge_id, label, tone, width
from turnout.web.structure import Structure

V1, V2, CALLER = workload("reviews", "v1"), workload("reviews", "v2"), workload("page")


def drawn(nodes: Iterable[Mapping[str, Any]], edges: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return draw(nodes, edges)


def test_the_versions_of_a_service_share_its_box() -> None:
    v10 = workload("reviews", "v10")
    picture = drawn([v10, V2, V1, CALLER], [call(CALLER, V1)])
    assert {box["title"] for box in picture["boxes"]} == {"page", "reviews"}
    rows = {row["id"]: row for row in picture["rows"]}
    heights = [rows[node["id"]]["y"] for node in (V1, V2, v10)]
    assert heights == sorted(heights), "v10 comes after v2"


def test_a_box_leads_to_the_page_of_the_service_by_which_it_is_called() -> None:
    picture = drawn([V1, CALLER], [call(CALLER, V1)])
    assert {box["title"]: box["href"] for box in picture["boxes"]} == {
        "page": "",
        "reviews": "/service/default/reviews",
    }


def test_who_did_not_answer_stands_in_the_box_of_the_service() -> None:
    gone = nobody("reviews.default.svc.cluster.local")
    picture = drawn([V1, gone, gateway()], [call(gateway(), gone)])
    assert len(picture["boxes"]) == 2
    assert next(row for row in picture["rows"] if row["id"] == gone["id"])["title"] == "no answer"


def test_a_line_says_rate_median_and_errors() -> None:
    assert label(call(CALLER, V1)) == "10.0/s · 4.20 ms"
    assert label(call(CALLER, V1, error_share=0.021)) == "10.0/s · 4.20 ms · 2.1 %"
    assert label(call(CALLER, V1, 0)) == ""


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "good"),
        ({"error_share": 0.001}, "warn"),
        ({"error_share": 0.05}, "bad"),
        ({"mirrored": True}, "copy"),
        ({"mirrored": True, "error_share": 0.5}, "bad"),
        ({"requests": 0}, "idle"),
    ],
)
def test_colour_goes_by_the_share_of_errors(more: dict[str, Any], expected: str) -> None:
    assert tone({**call(CALLER, V1), **more}) == expected


def test_copies_are_dashed_and_told_apart_from_requests_to_the_same_version() -> None:
    requests, copies = call(CALLER, V2), call(CALLER, V2, mirrored=True)
    lines = {line["id"]: line for line in drawn([V2, CALLER], [requests, copies])["lines"]}
    assert lines[edge_id(copies)]["dashed"]
    assert not lines[edge_id(requests)]["dashed"]
    assert "is copied to" in lines[edge_id(copies)]["says"]


def test_width_grows_with_the_rate_within_bounds() -> None:
    widths = [width(rate) for rate in (0, 1, 10, 100, 1000, 1e9)]
    assert widths == sorted(widths)
    assert widths[0] >= 1
    assert widths[-1] <= 8


def test_colour_is_never_all_that_tells() -> None:
    picture = drawn([workload("reviews", ready=0), CALLER], [call(CALLER, V1, error_share=0.5)])
    row = next(row for row in picture["rows"] if row["id"] == V1["id"])
    assert (row["health"], row["note"]) == ("bad", "0/1 ready")
    assert "50 % errors" in picture["lines"][0]["says"]


def test_a_version_without_a_label_is_called_by_what_its_workload_adds_to_the_service() -> None:
    blue = workload("reviews", "latest", workload="reviews-blue", id="default/reviews-blue")
    alone = workload("page", "latest", workload="page", id="default/page")
    rows = {row["id"]: (row["title"], row["says"]) for row in drawn([blue, alone], [])["rows"]}
    assert rows["default/reviews-blue"][0] == "blue"
    assert rows["default/reviews-blue"][1].startswith("reviews blue, ")
    assert rows["default/page"][0] == "page"
    assert rows["default/page"][1].startswith("page, ")


# --- standing still


def test_a_call_that_stops_stays_as_one_without_requests() -> None:
    structure = Structure()
    structure.learn(graph([V1, CALLER], [call(CALLER, V1)]))
    nodes, edges = structure.whole(graph([V1, CALLER], []))
    (edge,) = edges.values()
    assert (edge["requests"], edge["codes"], tone(edge)) == (0, {}, "idle")
    busy = drawn([V1, CALLER], [call(CALLER, V1)])
    idle = drawn(nodes.values(), edges.values())
    assert [line["path"] for line in busy["lines"]] == [line["path"] for line in idle["lines"]]
    assert [(row["x"], row["y"]) for row in busy["rows"]] == [(row["x"], row["y"]) for row in idle["rows"]]


def test_a_call_that_is_seen_between_two_lessons_stays_until_the_next() -> None:
    structure = Structure()
    structure.learn(graph([V1, V2, CALLER], []))
    structure.whole(graph([V1, V2, CALLER], [call(CALLER, V2)]))
    assert len(structure.whole(graph([V1, V2, CALLER], []))[1]) == 1
    structure.learn(graph([V1, V2, CALLER], []))
    assert structure.whole(graph([V1, V2, CALLER], []))[1] == {}


def test_a_workload_that_is_gone_takes_its_calls_along() -> None:
    structure = Structure()
    structure.learn(graph([V1, V2, CALLER], [call(CALLER, V2)]))
    nodes, edges = structure.whole(graph([V1, CALLER], []))
    assert V2["id"] not in nodes
    assert edges == {}


def test_nobody_answering_stays_while_it_is_remembered() -> None:
    gone, structure = nobody("gone.default.svc.cluster.local"), Structure()
    structure.learn(graph([CALLER, gone], [call(CALLER, gone)]))
    assert gone["id"] in structure.whole(graph([CALLER], []))[0]
