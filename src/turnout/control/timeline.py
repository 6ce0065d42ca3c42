"""A service's traffic over time, version by version, and what changed meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from turnout.apiserver.view import ViewRequest
from turnout.control.question import number, service_host
from turnout.telemetry.series import Series
from turnout.telemetry.traffic import Traffic

if TYPE_CHECKING:
    from turnout.control.instance import Instance
    from turnout.telemetry.store import Store

MOST_POINTS = 720
STEPS_SECONDS = (1, 2, 5, 10, 30, 60, 300, 900, 3600)
LONGEST_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """Who answered; without a workload, nobody did."""

    workload: str
    version: str
    subset: str
    mirrored: bool


async def series(instance: Instance, request: ViewRequest, now: float) -> dict[str, Any]:
    """`service`: a name, or a full host; `namespace`; `seconds` back from `now` (unix); `step` in seconds.

    A point covers the seconds from its `at` on. Raises ApiError.
    """
    host = service_host(request.query)
    seconds = number(request.query, "seconds", 900, least=1, most=LONGEST_SECONDS)
    step = number(request.query, "step", _step(seconds), least=1, most=LONGEST_SECONDS)
    workloads = _workloads(instance, host)

    def ask(store: Store) -> dict[str, Any]:
        since = now - seconds
        length = store.step(since, step)
        lines: dict[Version, list[dict[str, Any]]] = {}
        for at, traffic in store.grouped(since, now, step, lambda kind: version_of(kind, host)):
            for version, counted in traffic.items():
                lines.setdefault(version, []).append(point(at, counted))
        marks = [mark for mark in store.marks(since, now) if {host, *workloads} & set(mark.about)]
        return {
            "at": now,
            "step": length,
            "versions": [line(version, lines[version]) for version in sorted(lines)],
            "marks": [{"at": mark.at, "what": mark.what, "text": mark.text} for mark in marks],
        }

    return await instance.telemetry.ask(ask)


def _step(seconds: float) -> float:
    return next((step for step in STEPS_SECONDS if seconds / step <= MOST_POINTS), STEPS_SECONDS[-1])


def _workloads(instance: Instance, host: str) -> set[str]:
    return {f"{member.namespace}/{member.workload}" for member in instance.world.mesh.members.get(host, ())}


def version_of(kind: Series, host: str) -> Version | None:
    """Who answers what; None: not of this service."""
    if kind.destination_service != host:
        return None
    return Version(kind.destination_workload, kind.destination_canonical_revision, kind.subset, kind.mirrored)


def line(version: Version, points: list[dict[str, Any]]) -> dict[str, Any]:
    """One version's, as JSON."""
    return {
        "workload": version.workload,
        "version": version.version,
        "subset": version.subset,
        "mirrored": version.mirrored,
        "points": points,
    }


def point(at: float, traffic: Traffic) -> dict[str, Any]:
    """What came to pass in a step that began then."""
    return {
        "at": at,
        "requests": traffic.requests,
        "rate": traffic.rate,
        "errors": traffic.errors,
        "success_share": 1 - traffic.errors / traffic.requests if traffic.requests else None,
        "p50_ms": traffic.milliseconds(0.5),
        "p90_ms": traffic.milliseconds(0.9),
        "p99_ms": traffic.milliseconds(0.99),
        "p999_ms": traffic.milliseconds(0.999),
        "request_bytes": traffic.request_bytes,
        "response_bytes": traffic.response_bytes,
    }
