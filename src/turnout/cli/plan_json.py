"""A plan as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from turnout.cli.plan_rates import Rates, rate
from turnout.cli.plan_words import Places, callers

if TYPE_CHECKING:
    from turnout.control.planned import Planned
    from turnout.delivery.traffic_plan.route_change import RouteChange
    from turnout.problem import Problem


def data(found: Planned, places: Places, lately: Rates | None) -> dict[str, Any]:
    """`changes` is what the exit status says. `requests_per_second`: that met the rule before, in the last minute."""
    return {
        "changes": found.changes,
        "routes": [_route(change, places, lately) for change in found.traffic.routes],
        "policies": [asdict(change) for change in found.traffic.policies],
        "other": [asdict(change) for change in found.traffic.unexplained],
        "objects": [asdict(change) for change in found.objects],
        "problems": [_problem(problem, places) for problem in found.problems],
        "solved": [_problem(problem, places) for problem in found.solved],
    }


def _route(change: RouteChange, places: Places, lately: Rates | None) -> dict[str, Any]:
    return {
        "host": change.host,
        "when": change.when,
        "before": change.before,
        "after": change.after,
        "moved_percent": change.moved_percent,
        "requests_per_second": rate(lately, change),
        "callers": callers(change.callers),
        "proxies": list(change.callers),
        "where": places.rule(change.rule, gone=change.gone) if change.rule else None,
        "gone": change.gone,
    }


def _problem(problem: Problem, places: Places) -> dict[str, Any]:
    return {
        "code": problem.code,
        "severity": problem.severity,
        "message": problem.message,
        "where": places.problem(problem),
        "hint": problem.hint,
    }
