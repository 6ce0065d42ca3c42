"""The service graph as a Mermaid flowchart, which Markdown pages show as a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from turnout.cli.node_names import named

Node = Mapping[str, Any]
Edge = Mapping[str, Any]

_SHAPES = {"gateway": ("([", "])"), "service": ("[/", "/]"), "unknown": ("((", "))"), "workload": ("[", "]")}
_FAILING = "stroke:#c62828"


def mermaid(graph: Mapping[str, Any]) -> str:
    """From the JSON of `turnout graph`: versions stand in their service's box, copies are dashed, failing calls red."""
    ids = {node["id"]: f"n{at}" for at, node in enumerate(graph["nodes"])}
    names = named(graph["nodes"])
    lines = ["flowchart LR", *_boxes(graph["nodes"], ids, names)]
    lines += [_arrow(edge, ids) for edge in graph["edges"]]
    failing = [str(at) for at, edge in enumerate(graph["edges"]) if edge["error_share"]]
    lines += [f"  linkStyle {','.join(failing)} {_FAILING}"] if failing else []
    return "\n".join(lines) + "\n"


def _boxes(nodes: Sequence[Node], ids: Mapping[str, str], names: Mapping[str, str]) -> Iterator[str]:
    services: dict[tuple[str, str], list[Node]] = {}
    for node in nodes:
        if node["kind"] == "workload" and node["service"]:
            services.setdefault((node["namespace"], node["service"]), []).append(node)
        else:
            yield f"  {_box(node, ids, names)}"
    for at, ((_, service), versions) in enumerate(services.items()):
        yield f'  subgraph s{at}["{escaped(service)}"]'
        yield from (f"    {_box(node, ids, names)}" for node in versions)
        yield "  end"


def _box(node: Node, ids: Mapping[str, str], names: Mapping[str, str]) -> str:
    before, after = _SHAPES[node["kind"]]
    return f'{ids[node["id"]]}{before}"{escaped(names[node["id"]])}"{after}'


def _arrow(edge: Edge, ids: Mapping[str, str]) -> str:
    figures = [f"{edge['rate']:.1f}/s"]
    figures += [f"{edge['error_share']:.1%} errors"] if edge["error_share"] else []
    figures += [f"p99 {edge['p99_ms']:.0f} ms"] if edge["p99_ms"] is not None else []
    figures += [f"{edge['fan_out']:.2f} per request"] if edge["fan_out"] is not None else []
    arrow = "-.->" if edge["mirrored"] else "-->"
    text = escaped(", ".join(figures))
    return f'  {ids[edge["source"]]} {arrow}|"{text}"| {ids[edge["target"]]}'


_ESCAPED = str.maketrans(
    {
        "#": "#35;",
        "&": "#amp;",
        '"': "#quot;",
        "<": "#lt;",
        ">": "#gt;",
        "`": "#96;",
        ";": "#59;",
        "\\": "#92;",
        "\n": " ",
        "\r": " ",
    }
)


def escaped(text: str) -> str:
    """As Mermaid writes it within quotes."""
    return text.translate(_ESCAPED)
