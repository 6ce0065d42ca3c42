"""Which workloads and calls the graph shows: those of now, and those of the last minutes, so that it stands still.

Calls come and go with every second of a short window. A call that was seen a while ago stays, as one without requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnout.web.drawing import edge_id

Graph = Mapping[str, Any]
REMEMBERED_SECONDS = 900
_NOTHING: Mapping[str, Any] = {
    "requests": 0,
    "errors": 0,
    "rate": 0.0,
    "error_share": 0.0,
    "p50_ms": None,
    "p90_ms": None,
    "p99_ms": None,
    "fan_out": None,
    "codes": {},
    "flags": {},
}


class Structure:
    """Learns from the `graph` view of a long window, and adds to that of a short one what it lacks."""

    def __init__(self) -> None:
        self.learned = False
        self._nodes: dict[str, Mapping[str, Any]] = {}
        self._edges: dict[str, Mapping[str, Any]] = {}

    def learn(self, graph: Graph) -> None:
        """All that was in the last `REMEMBERED_SECONDS`; what is older is forgotten."""
        self.learned = True
        self._nodes, self._edges = {}, {}
        self._add(graph)

    def whole(self, graph: Graph) -> tuple[dict[str, Mapping[str, Any]], dict[str, Mapping[str, Any]]]:
        """Nodes and edges by their ids; those that are not in `graph` are without traffic."""
        self._add(graph)
        present = {node["id"]: node for node in graph["nodes"]}
        nodes = {key: present.get(key, node) for key, node in self._nodes.items() if key in present or _passing(node)}
        now = {edge_id(edge): edge for edge in graph["edges"]}
        edges = {
            key: now.get(key, edge)
            for key, edge in self._edges.items()
            if edge["source"] in nodes and edge["target"] in nodes
        }
        return nodes, edges

    def _add(self, graph: Graph) -> None:
        for node in graph["nodes"]:
            self._nodes[node["id"]] = {**node, "rate": 0.0, "error_share": 0.0}
        for edge in graph["edges"]:
            self._edges[edge_id(edge)] = {**edge, **_NOTHING}


def _passing(node: Mapping[str, Any]) -> bool:
    """Only traffic tells of it. A workload that is not known any more is gone for good."""
    return node["kind"] in {"service", "unknown"}
