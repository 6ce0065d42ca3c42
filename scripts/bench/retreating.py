"""From what ends a rollout to the candidate's last answer: by order, and by a guard's proof, under load."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from scripts.bench import load, project
from scripts.bench.figure import Figure, milliseconds
from scripts.bench.instance import Instance
from scripts.bench.program import NotAnswering
from scripts.bench.sight import Sight, observed

from turnout.client import Client
from turnout.resources.kinds import ROLLOUT

TIMES = 20
LOOK_SECONDS = 0.005
WITHIN_SECONDS = 30.0
MOST_SECONDS = 600.0
PRESSURE = load.Load(rate=500)
ERRORS = {"errors": {"tolerance": 20}}
VERSION = 'sum(istio_requests_total{destination_app="echo", destination_version="$version"%s})'
WORSE = {"query": {"bad": VERSION % ', destination_version="v2"', "total": VERSION % "", "tolerance": 20}}
"""All that the candidate answers is bad, as this guard has it."""


def figures(instance: Instance) -> Iterator[Figure]:
    """Half of the requests are at the candidate until then."""
    instance.command("shift", project.SERVICE, "v1=100", "v2=0")
    port = instance.gateway_port
    with observed(port) as sight, instance.client() as client, load.applied(PRESSURE, port, MOST_SECONDS) as running:
        for name, guard, end in (("order", ERRORS, _order), ("look", WORSE, _proof)):
            yield from _measured(name, client, sight, guard, end)
    yield Figure("failed requests meanwhile", running.report["requests"]["failed"], "", 0)


def _measured(
    name: str, client: Client, sight: Sight, guard: Mapping[str, Any], end: Callable[[Client, str], float | None]
) -> Iterator[Figure]:
    in_force, told, seen = [], [], []
    for number in range(TIMES):
        rollout = f"echo-{name}-{number}"
        client.create(ROLLOUT, {"metadata": {"name": rollout}, "spec": _spec(guard)})
        ordered = end(client, rollout)
        change = _until(client, rollout, _back)
        begun = ordered or change["at"]
        late = change["at"] - begun
        in_force.append(late + change["seconds"])
        told.append(late + (change.get("lastCandidateAnswerSeconds", 0.0)))
        seen.append(sight.settled("v1") - (begun - time.time() + time.monotonic()))
        client.delete(ROLLOUT, "default", rollout)
    yield from milliseconds(f"{name} → back at stable", in_force, (None, None))
    yield from milliseconds(f"{name} → the candidate's last answer, as the report has it", told, (None, None))
    yield from milliseconds(f"{name} → the candidate's last answer, as a client has it", seen, (None, None))


def _spec(guard: Mapping[str, Any]) -> dict[str, Any]:
    steps = [{"weight": 50, "minTime": "60s"}]
    return {"service": project.SERVICE, "from": "v1", "to": "v2", "steps": steps, "guards": [guard]}


def _order(client: Client, rollout: str) -> float:
    """When it was given."""
    _until(client, rollout, lambda status: status.get("countedSeconds"))
    at = time.time()
    client.patch(ROLLOUT, "default", rollout, {"metadata": {"annotations": {"turnout.dev/order": "abort"}}})
    return at


def _proof(client: Client, rollout: str) -> None:
    """It comes by itself."""


def _back(status: dict[str, Any]) -> dict[str, Any] | None:
    """The change with which it ended, once it is told."""
    change: dict[str, Any] = status.get("lastChange") or {}
    return change if change and change["at"] >= (status.get("finishedAt") or time.time()) else None


def _until(client: Client, rollout: str, look: Callable[[dict[str, Any]], Any]) -> Any:
    deadline = time.monotonic() + WITHIN_SECONDS
    while time.monotonic() < deadline:
        if found := look(client.get(ROLLOUT, "default", rollout).get("status") or {}):
            return found
        time.sleep(LOOK_SECONDS)
    raise NotAnswering(f"{rollout} does not come to its end within {WITHIN_SECONDS:g} s")
