"""The `graph` view as a picture: which boxes and lines there are, what they say, and how they look. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from math import log10
from typing import Any

from turnout.web.figure import milliseconds, per_second, share
from turnout.web.layout import Box, Layout, Link, Place, arrange

Node = Mapping[str, Any]
Edge = Mapping[str, Any]

BAD_SHARE = 0.05
"""From here on errors are not few."""
_THINNEST, _THICKEST = 1.4, 8.0


def edge_id(edge: Edge) -> str:
    """One of a kind, and the same as long as the call is."""
    lane = f"{edge['service']}|{edge['subset']}|{'copy' if edge['mirrored'] else ''}"
    return f"{edge['source']}|{edge['target']}|{lane}"


def tone(edge: Edge) -> str:
    """A CSS class, by the share of errors."""
    if not edge["requests"]:
        return "idle"
    if edge["error_share"] >= BAD_SHARE:
        return "bad"
    return "warn" if edge["error_share"] else "copy" if edge["mirrored"] else "good"


def width(rate: float) -> float:
    """In pixels: each tenfold adds as much."""
    return min(_THINNEST + 1.6 * log10(1 + rate), _THICKEST)


def draw(nodes: Iterable[Node], edges: Iterable[Edge]) -> dict[str, Any]:
    """What `picture.Picture` shows. An edge without requests is one that was, and may be again."""
    known = {node["id"]: node for node in nodes}
    calls = {edge_id(edge): edge for edge in edges}
    links = {key: Link(edge["source"], edge["target"], key) for key, edge in calls.items()}
    boxes = {box.key: box for box in _boxes(known)}
    layout = arrange(boxes.values(), links.values())
    return {
        "label": f"Service graph: {len(known)} workloads, {len(calls)} kinds of calls",
        "frame": _place(layout.frame),
        "boxes": [_box(box, layout, known, calls.values()) for box in boxes.values()],
        "rows": [_row(known[row], place) for row, place in sorted(layout.rows.items())],
        "lines": [_line(key, calls[key], layout, link, known) for key, link in sorted(links.items())],
    }


# --- boxes and rows


def _boxes(known: Mapping[str, Node]) -> Iterable[Box]:
    nodes = sorted(known.values(), key=lambda node: (_home(node), _natural(node["version"]), node["id"]))
    for key, members in groupby(nodes, _home):
        yield Box(key, tuple(node["id"] for node in members))


def _home(node: Node) -> str:
    """The box of a node: its service's. The gateways' comes first, however they are called."""
    if node["kind"] == "gateway":
        return f" {node['service']}"
    if node["kind"] == "service":
        name, _, rest = str(node["service"]).partition(".")
        namespace, _, suffix = rest.partition(".")
        return f"{namespace}/{name}" if suffix.startswith("svc") else str(node["service"])
    return f"{node['namespace']}/{node['service']}" if node["namespace"] else str(node["id"])


def _natural(version: str) -> tuple[tuple[int, str], ...]:
    """v2 before v10."""
    parts = groupby(version, str.isdigit)
    return tuple((int(text), "") if digits else (-1, text) for digits, text in ((d, "".join(t)) for d, t in parts))


def _box(box: Box, layout: Layout, known: Mapping[str, Node], edges: Iterable[Edge]) -> dict[str, Any]:
    node = known[box.rows[0]]
    namespace, _, name = box.key.strip().partition("/")
    title = {"gateway": "Gateway", "unknown": "Not known"}.get(node["kind"], name or box.key)
    plain = node["kind"] in {"gateway", "unknown"} or namespace == "default"
    return {
        "key": box.key,
        **_place(layout.boxes[box.key]),
        "title": shortened(title, 18),
        "note": "" if plain else shortened(namespace, 10) if name else "",
        "href": _href(box, edges),
    }


def _href(box: Box, edges: Iterable[Edge]) -> str:
    """The page of the service by which the box is called; "" when nobody has called it."""
    for edge in edges:
        name, _, rest = edge["service"].partition(".")
        namespace, _, suffix = rest.partition(".")
        if edge["target"] in box.rows and suffix.startswith("svc"):
            return f"/service/{namespace}/{name}"
    return ""


def _row(node: Node, place: Place) -> dict[str, Any]:
    health, note = _health(node)
    called = name(node)
    errors = share(node["error_share"]) if node["error_share"] else ""
    copies = node.get("mirrored_rate", 0.0)
    rate = per_second(node["rate"]) if node["rate"] or not copies else f"⇢ {per_second(copies)}"
    said = [
        called,
        f"{node['ready']} of {node['pods']} pods ready" if note else "",
        rate,
        f"{errors} errors" if errors else "",
    ]
    return {
        "id": node["id"],
        **_place(place),
        "title": shortened(_title(node), 15 if errors else 19),
        "rate": rate if node["rate"] or copies else "",
        "copies": bool(copies and not node["rate"]),
        "note": note,
        "errors": errors,
        "health": health,
        "says": ", ".join(part for part in said if part),
    }


def _title(node: Node) -> str:
    if node["kind"] == "workload":
        # Without a label that says which version it is, the workload's name does.
        own = str(node["workload"]).removeprefix(f"{node['service']}-")
        return str(node["version"]) if node["version"] not in {"", "latest"} else own
    return {"gateway": "ingress", "service": "no answer"}.get(node["kind"], str(node["id"]))


def name(node: Node) -> str:
    """In a sentence: `reviews v2`."""
    if node["kind"] == "workload":
        return f"{node['service']} {_title(node)}" if _title(node) != node["service"] else str(node["service"])
    return {"gateway": "the gateway", "service": f"{node['service']} (no answer)"}.get(node["kind"], "not known")


def _health(node: Node) -> tuple[str, str]:
    """A CSS class, and the words for it."""
    if node["kind"] != "workload":
        return ("bad", "") if node["kind"] == "service" else ("good", "")
    pods, ready = node["pods"], node["ready"]
    health = "good" if pods and ready == pods else "warn" if ready else "bad"
    return health, f"{ready}/{pods} ready" if pods else "no pods"


# --- lines


def _line(key: str, edge: Edge, layout: Layout, link: Link, known: Mapping[str, Node]) -> dict[str, Any]:
    line = layout.lines[link]
    return {
        "id": key,
        "source": edge["source"],
        "target": edge["target"],
        "path": line.path,
        "x": round(line.x, 1),
        "y": round(line.y, 1),
        "width": round(width(edge["rate"]), 1),
        "tone": tone(edge),
        "dashed": edge["mirrored"],
        "label": label(edge),
        "crowded": line.crowded,
        "says": sentence(edge, known),
    }


def label(edge: Edge) -> str:
    """`12/s · 4.2 ms · 1 %`: rate, median, errors if there are any."""
    if not edge["requests"]:
        return ""
    errors = [share(edge["error_share"])] if edge["error_share"] else []
    return " · ".join([per_second(edge["rate"]), milliseconds(edge["p50_ms"]), *errors])


def sentence(edge: Edge, known: Mapping[str, Node]) -> str:
    """For those who do not see the picture."""
    verb = "is copied to" if edge["mirrored"] else "calls"
    said = f"{name(known[edge['source']])} {verb} {name(known[edge['target']])}"
    if not edge["requests"]:
        return f"{said}: not within this window"
    latency = f"p50 {milliseconds(edge['p50_ms'])}, p99 {milliseconds(edge['p99_ms'])}"
    return f"{said}: {per_second(edge['rate'])}, {share(edge['error_share'])} errors, {latency}"


def _place(place: Place) -> dict[str, float]:
    return {
        "x": round(place.x, 1),
        "y": round(place.y, 1),
        "width": round(place.width, 1),
        "height": round(place.height, 1),
    }


def shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
