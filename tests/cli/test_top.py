"""The table of `turnout top`."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from turnout.cli import root
from turnout.cli.traffic_table import traffic_table

JSON = dict[str, Any]


def version(subset: str, rate: float = 0.0, **more: Any) -> JSON:
    return {
        "subset": subset,
        "revision": subset,
        "ready": 1,
        "pods": 1,
        "rate": rate,
        "error_share": 0.0,
        "p50_ms": 1.0 if rate else None,
        "p90_ms": 2.0 if rate else None,
        "p99_ms": 3.0 if rate else None,
        "retries": 0,
        "copy_rate": 0.0,
        **more,
    }


def service(name: str, *versions: JSON, namespace: str = "default", weights: dict[str, str] | None = None) -> JSON:
    return {"name": name, "namespace": namespace, "versions": versions, "routes": [{"weights": weights or {}}]}


def shown(*services: JSON, sort: str = "service", problems: tuple[JSON, ...] = ()) -> list[list[str]]:
    console = Console(width=160, color_system=None)
    with console.capture() as capture:
        console.print(traffic_table({"services": services, "problems": problems}, sort))
    return [line.split() for line in capture.get().splitlines()]


REVIEWS = service(
    "reviews",
    version("v1", 9.0, error_share=0.5),
    version("v2", 1.0, copy_rate=4.0, retries=7, p99_ms=250.4),
    weights={"v1": "90", "v2": "10"},
)


def test_each_version_has_its_row() -> None:
    _, head, *rows = shown(REVIEWS)

    assert head[:4] == ["SERVICE", "VERSION", "WEIGHT", "RATE/S"]
    assert rows == [
        ["reviews", "v1", "90", "%", "9.0", "50.00%", "1.0", "2.0", "3.0", "0", "0.0", "1/1"],
        ["v2", "10", "%", "1.0", "100.00%", "1.0", "2.0", "250", "7", "4.0", "1/1"],
    ]


def test_the_first_line_sums_up() -> None:
    wrong = ({"severity": "error"}, {"severity": "warning"})

    assert " ".join(shown(REVIEWS, problems=wrong)[0]) == (
        "10.0 requests/s, 4.5 failing, over the last 10 s; 1 problem: see turnout status"
    )


def test_columns_that_would_be_empty_are_left_out() -> None:
    head = " ".join(shown(service("a", version("v1", 1.0)))[1])

    assert head == "SERVICE VERSION RATE/S SUCCESS P50 MS P90 MS P99 MS PODS"


def test_a_service_that_nobody_has_is_no_row() -> None:
    assert shown()[1:] == [["SERVICE", "VERSION"]]


def test_a_version_without_traffic_has_no_success_and_no_latency() -> None:
    assert shown(service("idle", version("")))[2] == ["idle", "-", "0.0", *"----", "1/1"]


@pytest.mark.parametrize(
    ("sort", "first"), [("rate", "v1"), ("errors", "v1"), ("p99", "v2"), ("copies", "v2"), ("retries", "v2")]
)
def test_sorted_by_a_figure_the_largest_is_on_top_and_each_row_says_its_service(sort: str, first: str) -> None:
    rows = shown(REVIEWS, service("idle", version("v9"), namespace="shop"), sort=sort)[2:]

    assert rows[0][:2] == ["reviews", first]
    assert {row[0] for row in rows} == {"reviews", "idle.shop"}


def test_an_order_that_is_not_known_is_wrong_usage() -> None:
    assert CliRunner().invoke(root, ["top", "--sort", "beauty"]).exit_code == 2
