"""One trace as bars over time: where each hop stands, how long it took, and what is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from turnout.telemetry.flags import in_words
from turnout.web.figure import UNKNOWN, milliseconds, size

LOOKS = 6
"""Kinds of `version-1` to `version-6`: colours that tell services apart."""
TICKS = 4
_NARROWEST_PERCENT = 0.4

Shown = Mapping[str, Any]
"""A trace or a span, as the view `traces/<id>` has it."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A span. `depth`: how many hops caused it; `start` and `width` are percent of the whole time."""

    span: Shown
    depth: int
    start: float
    width: float
    look: int


def bars(trace: Shown) -> list[Bar]:
    """Each span below the one that caused it, by their beginnings."""
    spans: Sequence[Shown] = trace["spans"]
    whole_ms, looks = length_ms(trace), dict[str, int]()
    found = []
    for depth, span in _nested(spans):
        look = looks.setdefault(called(span), len(looks) % LOOKS + 1)
        start = min(max((span["at"] - trace["at"]) * 100_000 / whole_ms, 0.0), 100 - _NARROWEST_PERCENT)
        width = min(max(span["duration_ms"] * 100 / whole_ms, _NARROWEST_PERCENT), 100 - start)
        found.append(Bar(span, depth, round(start, 3), round(width, 3), look))
    return found


def _nested(spans: Sequence[Shown]) -> Iterator[tuple[int, Shown]]:
    children: dict[str, list[Shown]] = {}
    seen: set[str] = set()
    for span in sorted(spans, key=lambda span: float(span["at"])):  # whoever caused it began before it
        children.setdefault(span["parent_id"] if span["parent_id"] in seen else "", []).append(span)
        seen.add(span["span_id"])
    waiting = [(0, span) for span in reversed(children.get("", []))]
    while waiting:
        depth, span = waiting.pop()
        yield depth, span
        waiting += [(depth + 1, child) for child in reversed(children.pop(span["span_id"], []))]


def length_ms(trace: Shown) -> float:
    """From the beginning to the last answer, copies included; never 0."""
    ends = [float((span["at"] - trace["at"]) * 1000 + span["duration_ms"]) for span in trace["spans"]]
    return max([0.001, *ends])


def ticks(whole_ms: float) -> list[str]:
    """What is written along the time axis, the last one at its end."""
    return [milliseconds(whole_ms * at / TICKS) if at else "0" for at in range(TICKS + 1)]


def called(span: Shown) -> str:
    """`recommendation v2`: who was to answer."""
    host = span["service"]
    service = host.partition(".")[0] if host.endswith(".svc.cluster.local") else host or span["url"]
    version = span["version"] if span["version"] not in ("", "latest") else span["subset"]
    return f"{service} {version}".strip()


def status(span: Shown) -> str:
    """The code and Envoy's flags: `503 UF`."""
    return " ".join(filter(None, [span["status"] or UNKNOWN, span["flags"]]))


def details(trace: Shown, span: Shown) -> list[tuple[str, str]]:
    """All that is known of a hop, by name."""
    rows = [
        ("request", f"{span['method']} {span['url']}".strip() or span["name"]),
        ("status", status(span)),
        ("why", in_words(span["flags"])),
        ("gRPC status", span["grpc_status"]),
        ("began after", milliseconds((span["at"] - trace["at"]) * 1000)),
        ("took", milliseconds(span["duration_ms"])),
        ("caller", _place(span["source_namespace"], span["source"])),
        ("answered by", _place(span["namespace"], span["workload"])),
        ("version", span["version"]),
        ("subset", span["subset"]),
        ("route", span["route"]),
        ("sent to", span["upstream"]),
        ("request", size(span["request_bytes"]) if span["request_bytes"] else ""),
        ("response", size(span["response_bytes"])),
        ("request id", span["request_id"]),
        ("span id", span["span_id"]),
    ]
    return [(name, text) for name, text in rows if text]


def _place(namespace: str, workload: str) -> str:
    return f"{namespace}/{workload}" if namespace and workload else workload
