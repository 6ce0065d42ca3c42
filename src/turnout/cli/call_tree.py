"""The service graph as a tree of calls, from where requests come in to whom they cause to be called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from turnout.cli.board import number
from turnout.cli.node_names import named, short

Edge = Mapping[str, Any]

_FIGURES = ("RATE/S", "ERRORS", "P50 MS", "P99 MS", "CALLS/REQ")


def call_tree(graph: Mapping[str, Any]) -> RenderableType:
    """From the JSON of `turnout graph`."""
    names = named(graph["nodes"])
    parts: list[RenderableType] = [Text(_head(graph), style="bold")]
    if graph["edges"]:
        parts += [_table(graph["edges"], names, _roots(graph))]
    if any(edge["mirrored"] for edge in graph["edges"]):
        parts += [Text("╌╌▶ copies: nobody waits for them, and their answers are thrown away", style="dim")]
    idle = _idle(graph, names)
    parts += [Text(f"without requests: {idle}", style="dim")] if idle else []
    return Group(*parts)


def _head(graph: Mapping[str, Any]) -> str:
    if not graph["edges"]:
        return f"no requests within the last {graph['seconds']:g} s"
    return f"calls within the last {graph['seconds']:g} s"


def _table(edges: Sequence[Edge], names: Mapping[str, str], roots: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("CALLER ─▶ CALLED", no_wrap=True)
    for figure in _FIGURES:
        table.add_column(figure, justify="right", no_wrap=True, min_width=len(figure))
    outgoing: dict[str, list[Edge]] = {}
    for edge in edges:
        outgoing.setdefault(edge["source"], []).append(edge)
    drawn: set[str] = set()
    for root in roots:
        if root not in drawn:
            table.add_row(Text(names[root], style="bold"))
            for call, edge in _calls(root, "", outgoing, names, drawn):
                table.add_row(call, *_figures(edge), style="dim" if edge["mirrored"] else "")
    return table


def _calls(
    source: str, indent: str, outgoing: Mapping[str, Sequence[Edge]], names: Mapping[str, str], drawn: set[str]
) -> Iterator[tuple[Text, Edge]]:
    """What a node calls, and what that calls in turn. Each node's calls are drawn once, so that circles end."""
    drawn.add(source)
    edges = sorted(outgoing.get(source, ()), key=lambda edge: (edge["service"], edge["mirrored"], edge["target"]))
    for edge in edges:
        target, last = edge["target"], edge is edges[-1]
        arrow = f"{'└' if last else '├'}{'╌╌' if edge['mirrored'] else '──'}▶ "
        yield Text.assemble(indent + arrow, _called(edge, names), _again(edge, outgoing, drawn)), edge
        if target not in drawn:
            yield from _calls(target, indent + ("     " if last else "│    "), outgoing, names, drawn)


def _called(edge: Edge, names: Mapping[str, str]) -> Text:
    if edge["target"].startswith("service:"):
        subset = f" {edge['subset']}" if edge["subset"] else ""
        return Text(f"{short(edge['service'])}{subset}: nobody answered", style="red")
    return Text(names[edge["target"]])


def _again(edge: Edge, outgoing: Mapping[str, Sequence[Edge]], drawn: set[str]) -> str:
    if edge["target"] == edge["source"]:
        return " (itself)"
    return " (see above)" if edge["target"] in drawn and edge["target"] in outgoing else ""


def _figures(edge: Edge) -> Iterator[Text]:
    yield Text(f"{edge['rate']:.1f}")
    yield Text(f"{edge['error_share']:.1%}", style="bold red" if edge["error_share"] else "")
    yield from (Text(number(edge[key])) for key in ("p50_ms", "p99_ms"))
    yield Text("-" if edge["fan_out"] is None else f"{edge['fan_out']:.2f}")


def _roots(graph: Mapping[str, Any]) -> list[str]:
    """Where requests come in, gateways first; then what is only called in a circle."""
    called = {edge["target"] for edge in graph["edges"] if edge["target"] != edge["source"]}
    kinds = {node["id"]: node["kind"] for node in graph["nodes"]}
    callers = dict.fromkeys(edge["source"] for edge in graph["edges"])
    return sorted(callers, key=lambda node: (node in called, kinds[node] != "gateway", node))


def _idle(graph: Mapping[str, Any], names: Mapping[str, str]) -> str:
    busy = {end for edge in graph["edges"] for end in (edge["source"], edge["target"])}
    return ", ".join(
        f"{names[node['id']]} ({node['ready']}/{node['pods']} ready)"
        for node in graph["nodes"]
        if node["id"] not in busy and node["kind"] == "workload"
    )
