"""The service graph in the terminal and as Mermaid."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console
from tests.cli.graphs import GATEWAY, dark_launch, edge, gateway, graph, nobody, node

from turnout.cli import root
from turnout.cli.call_tree import call_tree
from turnout.cli.mermaid import escaped, mermaid

HOST = "reviews.default.svc.cluster.local"


def shown(found: dict[str, Any]) -> list[str]:
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(call_tree(found))
    return [line.rstrip() for line in capture.get().splitlines()]


def calls(found: dict[str, Any]) -> list[str]:
    """The tree without its figures."""
    return [re.split(r"  +(?=[\d.]+  +[\d.]+%)", line)[0] for line in shown(found)[2:]]


def test_calls_are_a_tree_from_the_gateway_on_with_copies_marked() -> None:
    assert calls(dark_launch())[:5] == [
        "istio-ingressgateway",
        "└──▶ customer v1",
        "     └──▶ preference v1",
        "          ├──▶ recommendation v1",
        "          └╌╌▶ recommendation v2",
    ]
    assert shown(dark_launch())[-1].startswith("╌╌▶ copies: ")


def test_each_call_has_its_figures() -> None:
    title, head, _, line, *_ = shown(dark_launch())

    assert title == "calls within the last 60 s"
    assert head.split()[-7:] == ["RATE/S", "ERRORS", "P50", "MS", "P99", "MS", "CALLS/REQ"]
    assert line.split()[-5:] == ["10.0", "0.0%", "1.2", "123", "-"]


def test_a_circle_ends_where_it_began() -> None:
    nodes = [node("a", "a", "v1"), node("b", "b", "v1")]
    found = graph(
        nodes, [edge("default/a", "default/b"), edge("default/b", "default/a"), edge("default/b", "default/b")]
    )

    assert calls(found) == ["a v1", "└──▶ b v1", "     ├──▶ a v1 (see above)", "     └──▶ b v1 (itself)"]


def test_what_is_called_from_two_places_is_followed_once() -> None:
    nodes = [gateway(), *(node(name, name, "v1") for name in "abcd")]
    ends = [(GATEWAY, "default/a"), (GATEWAY, "default/b"), ("default/a", "default/c"), ("default/b", "default/c")]
    found = graph(nodes, [*(edge(*each) for each in ends), edge("default/c", "default/d")])

    assert calls(found) == [
        "istio-ingressgateway",
        "├──▶ a v1",
        "│    └──▶ c v1",
        "│         └──▶ d v1",
        "└──▶ b v1",
        "     └──▶ c v1 (see above)",
    ]


def test_a_deep_chain_of_calls_is_drawn_to_its_end() -> None:
    names = [f"s{number}" for number in range(200)]
    found = graph(
        [node(name, name, "v1") for name in names],
        [edge(f"default/{a}", f"default/{b}") for a, b in pairwise(names)],
    )

    assert len(shown(found)) == 202


def test_requests_that_nobody_answered_say_so() -> None:
    found = graph([gateway(), nobody(HOST)], [edge(GATEWAY, f"service:{HOST}", service=HOST, subset="v2")])

    assert calls(found)[1] == "└──▶ reviews v2: nobody answered"


def test_versions_without_a_label_are_told_apart_by_their_workload() -> None:
    nodes = [node("numbers-blue", "numbers"), node("numbers-green", "numbers"), gateway()]
    found = graph(nodes, [edge(GATEWAY, f"default/numbers-{color}") for color in ("blue", "green")])

    assert calls(found)[1:] == ["├──▶ numbers-blue", "└──▶ numbers-green"]


def test_namespaces_are_named_when_there_are_several() -> None:
    found = graph([node("a", "a", "v1"), node("a", "a", "v1", namespace="shop")], [edge("default/a", "shop/a")])

    assert calls(found) == ["a.default v1", "└──▶ a.shop v1"]


def test_what_got_no_request_is_listed_below() -> None:
    idle = {**node("idle", "idle", "v1"), "ready": 0}

    assert shown(graph([idle], [])) == ["no requests within the last 60 s", "without requests: idle v1 (0/1 ready)"]


# --- mermaid


def test_versions_stand_in_their_services_box_and_copies_are_dashed() -> None:
    assert mermaid(dark_launch()).splitlines() == [
        "flowchart LR",
        '  n4(["istio-ingressgateway"])',
        '  subgraph s0["customer"]',
        '    n0["customer v1"]',
        "  end",
        '  subgraph s1["preference"]',
        '    n1["preference v1"]',
        "  end",
        '  subgraph s2["recommendation"]',
        '    n2["recommendation v1"]',
        '    n3["recommendation v2"]',
        "  end",
        '  n0 -->|"10.0/s, p99 123 ms, 1.00 per request"| n1',
        '  n1 -->|"10.0/s, p99 123 ms, 1.00 per request"| n2',
        '  n1 -.->|"10.0/s, p99 123 ms, 1.00 per request"| n3',
        '  n4 -->|"10.0/s, p99 123 ms"| n0',
    ]


def test_calls_that_fail_are_red_and_say_how_many() -> None:
    found = graph([gateway(), nobody(HOST)], [edge(GATEWAY, f"service:{HOST}", error_share=0.25, p99_ms=None)])

    assert mermaid(found).splitlines()[-2:] == [
        '  n0 -->|"10.0/s, 25.0% errors"| n1',
        "  linkStyle 0 stroke:#c62828",
    ]


def test_a_graph_without_calls_is_a_flowchart_too() -> None:
    assert mermaid(graph([], [])) == "flowchart LR\n"


@pytest.mark.parametrize(
    ("text", "as_mermaid"),
    [
        ("reviews.v2", "reviews.v2"),
        ('a "b" #c;', "a #quot;b#quot; #35;c#59;"),
        ("<b>&`\n", "#lt;b#gt;#amp;#96; "),
        ("end", "end"),
    ],
)
def test_what_mermaid_would_read_as_its_own_is_escaped(text: str, as_mermaid: str) -> None:
    assert escaped(text) == as_mermaid


@pytest.mark.parametrize(
    "arguments", [("--json", "--mermaid"), ("--window", "soon"), ("--window", "200h"), ("--window", "0s")]
)
def test_what_makes_no_sense_is_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(root, ["graph", *arguments]).exit_code == 2
