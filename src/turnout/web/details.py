"""What is known of one workload or one kind of call: the panel beside the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from turnout.web.drawing import BAD_SHARE, name
from turnout.web.figure import UNKNOWN, count, milliseconds, per_second, share
from turnout.web.markup import Tag, tag
from turnout.web.table import Cell, Row, Table, figures

Known = Mapping[str, Mapping[str, Any]]

_LEGEND = (
    ("good", "requests, none failed"),
    ("warn", f"some failed, less than {share(BAD_SHARE)}"),
    ("bad", f"{share(BAD_SHARE)} and more failed"),
    ("copy dashed", "copies (a mirror's)"),
    ("idle", "none within this window"),
)


class Details:
    """Filled anew when something else is chosen, changed in place when only figures differ."""

    def __init__(self, close: Callable[[], None]) -> None:
        self._close = close
        self._picked: str | None = None
        self._show: Callable[[Known, Known], None] = lambda nodes, edges: None
        self._panel = tag("aside", classes="card details", aria_label="Details", aria_live="off")

    def show(self, picked: str, nodes: Known, edges: Known) -> None:
        """`picked`: the id of a node or an edge; neither: how to read the picture."""
        known = picked if picked in nodes or picked in edges else ""
        if known != self._picked:
            self._picked = known
            self._panel.clear()
            with self._panel:
                self._show = self._filled(known, nodes, edges)
        self._show(nodes, edges)

    def _filled(self, picked: str, nodes: Known, edges: Known) -> Callable[[Known, Known], None]:
        if picked in nodes:
            return _Workload(picked, self._head(name(nodes[picked]))).show
        if picked in edges:
            edge = edges[picked]
            arrow = "⇢" if edge["mirrored"] else "→"
            title = f"{name(nodes[edge['source']])} {arrow} {name(nodes[edge['target']])}"
            return _Call(picked, self._head(title)).show
        _legend()
        return lambda nodes, edges: None

    def _head(self, title: str) -> Tag:
        with tag("div", classes="toolbar"):
            heading = tag("h2", title)
            button = tag("button", "Close", classes="button push", type="button")
            button.on("click", lambda _: self._close())
        return heading


def _legend() -> None:
    tag("h2", "How to read it")
    with tag("ul", classes="legend"):
        for style, meaning in _LEGEND:
            with tag("li"):
                tag("i", classes=f"sample {style}", aria_hidden="true")
                tag("span", meaning)
    tag(
        "p", "The wider a line, the more requests per second. Choose a workload or a line for details.", classes="muted"
    )


class _Workload:
    def __init__(self, node: str, heading: Tag) -> None:
        self._id = node
        self._where = tag("p", classes="muted")
        self._figures = figures((("Rate", ""), ("Errors", ""), ("Copies", ""), ("Pods", "")))
        with tag("div", classes="grid"):
            with tag("section"):
                tag("h3", "Calls it gets")
                self._into = Table("Calls it gets", ("From", "#Rate", "#Errors", "#p50"), "none")
            with tag("section"):
                tag("h3", "Calls it makes")
                self._out = Table("Calls it makes", ("To", "#Rate", "#Errors", "#p50"), "none")

    def show(self, nodes: Known, edges: Known) -> None:
        node = nodes[self._id]
        self._where.say(f"{node['kind']} {self._id}")
        self._figures["Rate"].say(per_second(node["rate"]))
        self._figures["Errors"].say(share(node["error_share"]))
        self._figures["Copies"].say(per_second(node.get("mirrored_rate", 0.0)))
        self._figures["Pods"].say(f"{node['ready']} of {node['pods']}" if node["kind"] == "workload" else UNKNOWN)
        self._into.show(_calls(nodes, edges, self._id, "target", "source"))
        self._out.show(_calls(nodes, edges, self._id, "source", "target"))


def _calls(nodes: Known, edges: Known, node: str, end: str, other: str) -> list[Row]:
    found = [edge for edge in edges.values() if edge[end] == node]
    return [
        (
            f"{name(nodes[edge[other]])}{' (copies)' if edge['mirrored'] else ''}",
            per_second(edge["rate"]),
            errors(edge),
            milliseconds(edge["p50_ms"]),
        )
        for edge in found
    ]


def errors(edge: Mapping[str, Any]) -> Cell:
    """The share of errors; nothing is said of what did not happen."""
    if not edge["requests"]:
        return Cell(UNKNOWN, "muted")
    return Cell(share(edge["error_share"]), "bad" if edge["error_share"] else "")


class _Call:
    def __init__(self, edge: str, heading: Tag) -> None:
        self._id = edge
        self._what = tag("p", classes="muted")
        names = ("Rate", "Errors", "Requests", "p50", "p90", "p99")
        self._figures = figures((called, "") for called in names)
        self._fan_out = tag("p")
        tag("h3", "Status codes")
        self._codes = Table("Status codes", ("Code", "#Requests", "#Share"), "none within this window")
        self._flags = tag("p", classes="muted")
        self._routes = tag("p", classes="muted")

    def show(self, nodes: Known, edges: Known) -> None:
        edge = edges[self._id]
        subset = f", subset {edge['subset']}" if edge["subset"] else ""
        self._what.say(f"{'Copies for' if edge['mirrored'] else 'Requests for'} {edge['service'] or 'nobody'}{subset}")
        self._figures["Rate"].say(per_second(edge["rate"]))
        self._figures["Errors"].say(share(edge["error_share"]) if edge["requests"] else UNKNOWN)
        self._figures["Requests"].say(count(edge["requests"]))
        for quantile in ("p50", "p90", "p99"):
            self._figures[quantile].say(milliseconds(edge[f"{quantile}_ms"]))
        self._say_fan_out(edge, nodes)
        self._codes.show(
            (Cell(code, "bad" if code.startswith("5") or code == "0" else ""), count(n), share(n / edge["requests"]))
            for code, n in edge["codes"].items()
        )
        self._list(self._flags, "Envoy's flags", [f"{flag} {n}" for flag, n in edge["flags"].items()])
        self._list(self._routes, "Routes", edge.get("routes", ()))

    def _say_fan_out(self, edge: Mapping[str, Any], nodes: Known) -> None:
        fan_out = edge["fan_out"]
        self._fan_out.set(hidden=fan_out is None)
        if fan_out is not None:
            what = "copies" if edge["mirrored"] else "calls"
            self._fan_out.say(f"{fan_out:.2f} {what} per request that came into {name(nodes[edge['source']])}")

    def _list(self, element: Tag, called: str, items: Any) -> None:
        element.set(hidden=not items)
        element.say(f"{called}: {', '.join(items)}")
