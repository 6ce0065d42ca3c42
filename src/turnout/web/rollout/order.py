"""What people tell a rollout to do: an annotation, which the engine takes away once it has carried it out."""

from __future__ import annotations

import time
import uuid

from turnout.client import Client
from turnout.error import TurnoutError
from turnout.resources.kinds import ROLLOUT
from turnout.rollout.order import ANNOTATION

TAKEN_SECONDS = 15


def give(client: Client, namespace: str, name: str, verb: str) -> float | None:
    """Seconds until the engine has taken it; None if it has not within TAKEN_SECONDS.

    Raises TurnoutError: it is refused, or the rollout is not there.
    """
    started, number = time.perf_counter(), uuid.uuid4().hex
    order = f"{verb} {number}"
    given = client.patch(ROLLOUT, namespace, name, {"metadata": {"annotations": {ANNOTATION: order}}})
    version = given["metadata"]["resourceVersion"]
    for event, seen in client.watch(ROLLOUT, namespace, version, TAKEN_SECONDS):
        metadata = seen["metadata"]
        if metadata["name"] != name:
            continue
        if event == "DELETED":
            raise TurnoutError(f"the rollout {name} was deleted meanwhile")
        if metadata.get("annotations", {}).get(ANNOTATION) != order:
            taken = seen.get("status", {}).get("order") or {}
            if taken.get("id") == number and taken.get("refused"):
                raise TurnoutError(taken["refused"])
            return time.perf_counter() - started
    return None
