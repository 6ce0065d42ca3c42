"""Spans as tests need them: a hop with what matters, and the rest made up."""

from __future__ import annotations

from typing import Any

from turnout.telemetry.span import Span

TRACE = "0af7651916cd43dd8448eb211c80319c"


def hop(number: int, parent: int = 0, trace: str | int = TRACE, **more: Any) -> Span:
    """`number` and `parent` become ids; 0: no parent. Hops begin a millisecond after each other and take ten."""
    made: dict[str, Any] = {
        "trace_id": trace if isinstance(trace, str) else f"{trace:032x}",
        "span_id": f"{number:016x}",
        "parent_id": f"{parent:016x}" if parent else "",
        "at": 1000.0 + number / 1000,
        "duration_ms": 10.0,
        "source": "gateway",
        "service": "reviews.default.svc.cluster.local",
        "workload": "reviews-v1",
        "method": "GET",
        "url": "http://reviews.test/a?b=c",
        "status": "200",
    }
    return Span(**made | more)


def handed_over(number: int, parent: int, **more: Any) -> Span:
    """The outer one of a copy's two spans."""
    nothing: dict[str, Any] = {"source": "", "workload": "", "method": "", "url": "", "status": ""}
    return hop(number, parent, **nothing | {"mirrored": True, "handed_over": True} | more)


def copy(number: int, parent: int, **more: Any) -> Span:
    """The inner one."""
    plain: dict[str, Any] = {"source": "", "workload": "reviews-v2", "mirrored": True}
    return hop(number, parent, **plain | more)
