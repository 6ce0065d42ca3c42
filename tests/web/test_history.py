"""A service's past as lines, and two versions side by side."""

from __future__ import annotations

from typing import Any

from turnout.web.contrast import rows, together
from turnout.web.figure import count, milliseconds, per_second, share, size
from turnout.web.history import history, values
from turnout.web.table import Cell


def point(at: int, requests: int = 10, **more: Any) -> dict[str, Any]:
    figures = {"rate": requests / 5, "errors": 0, "success_share": 1.0, "response_bytes": 100 * requests}
    return {"at": at, "requests": requests, **figures, "p50_ms": 2.0, "p90_ms": 4.0, "p99_ms": 8.0, **more}


def version(name: str, points: list[dict[str, Any]], *, mirrored: bool = False, workload: str = "w") -> dict[str, Any]:
    return {
        "workload": workload and f"{workload}-{name}",
        "version": name,
        "subset": name,
        "mirrored": mirrored,
        "points": points,
    }


def answer(*versions: dict[str, Any], at: float = 130.0) -> dict[str, Any]:
    return {"at": at, "step": 5, "versions": list(versions), "marks": []}


def test_a_step_that_has_only_begun_is_left_out() -> None:
    found = history(answer(version("v1", [point(120), point(125), point(130)]), at=133.0), 60)
    assert list(found.times) == [120, 125]
    assert (found.begin, found.end) == (73.0, 133.0)


def test_where_nothing_came_the_rate_is_nothing_and_the_latency_a_gap() -> None:
    found = history(answer(version("v1", [point(100), point(115)]), version("v2", [point(105)])), 60)
    v1, _ = found.strands
    assert values(v1, found.times, "rate") == [[100_000, 2.0], [105_000, 0.0], [110_000, 0.0], [115_000, 2.0]]
    assert [value for _, value in values(v1, found.times, "p50_ms")] == [2.0, None, None, 2.0]


def test_copies_have_the_colour_of_their_version_and_come_last() -> None:
    found = history(answer(version("v2", [], mirrored=True), version("v1", []), version("v2", [])), 60)
    assert [(strand.called, strand.colour, strand.copies) for strand in found.strands] == [
        ("v1", 1, False),
        ("v2", 2, False),
        ("v2 (copies)", 2, True),
    ]


def test_requests_that_nobody_answered_are_no_version() -> None:
    (strand,) = history(answer(version("", [point(100)], workload="")), 60).strands
    assert (strand.called, strand.colour) == ("no answer", None)


# --- side by side


def told(one: dict[str, Any], other: dict[str, Any]) -> dict[str, list[str]]:
    return {
        str(row[0]): [cell.text if isinstance(cell, Cell) else cell for cell in row[1:]] for row in rows(one, other)
    }


def test_differences_are_said_in_the_unit_that_fits() -> None:
    slow = point(0, 20, p50_ms=3.0, errors=1, response_bytes=2000)
    said = told(point(0, 10), slow)
    assert said["Requests"] == ["10", "20", "+100.0 %"]
    assert said["Success"] == ["100 %", "95 %", "-5.00 points"]
    assert said["p50"] == ["2.00 ms", "3.00 ms", "+50.0 %"]
    assert said["Size of an answer"] == ["100 B", "100 B", "same"]


def test_only_what_matters_has_a_colour() -> None:
    slightly, much = (list(rows(point(0), point(0, p99_ms=p99)))[4][3] for p99 in (8.4, 16.0))
    assert isinstance(slightly, Cell)
    assert isinstance(much, Cell)
    assert (slightly.tone, much.tone) == ("", "bad")


def test_a_version_without_requests_is_not_compared_in_numbers() -> None:
    nothing = point(0, 0, p50_ms=None, p90_ms=None, p99_ms=None)
    assert told(point(0), nothing)["p50"] == ["2.00 ms", "-", "-"]
    assert told(nothing, point(0))["Success"] == ["-", "100 %", "-"]


def test_a_window_that_was_cut_in_two_is_put_together() -> None:
    whole = together([point(0, 3, p50_ms=9.0), point(5, 30)])
    assert whole is not None
    assert (whole["requests"], whole["p50_ms"]) == (33, 2.0)
    assert together([]) is None


# --- figures


def test_figures_have_three_digits_and_a_unit() -> None:
    assert [per_second(rate) for rate in (0, 0.25, 12.34, 1234.5)] == ["0/s", "0.25/s", "12.3/s", "1234/s"]
    assert [milliseconds(ms) for ms in (None, 0.5, 42.4, 999, 1500)] == ["-", "0.50 ms", "42.4 ms", "999 ms", "1.50 s"]
    assert [size(count) for count in (0, 999, 12_000, 3.4e6, 5e9)] == ["0 B", "999 B", "12.0 kB", "3.40 MB", "5.00 GB"]
    assert count(1234567) == "1 234 567"


def test_what_is_little_is_never_shown_as_nothing_nor_what_is_nearly_all_as_all() -> None:
    assert [share(part) for part in (0, 0.00001, 0.0123, 0.5, 0.99999, 1)] == [
        "0 %",
        "< 0.1 %",
        "1.2 %",
        "50 %",
        "> 99.9 %",
        "100 %",
    ]
