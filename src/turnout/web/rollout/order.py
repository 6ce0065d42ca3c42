"""What people tell a rollout to do: an annotation, which the engine takes away once it has carried it out."""

from __future__ import annotations

import time
import uuid

from turnout.client import Client
from turnout.error import TurnoutError
from turnout.resources.kinds import ROLLOUT

ORDER = "turnout.dev/order"
TAKEN_SECONDS = 15


def give(client: Client, namespace: str, name: str, verb: str) -> float | None:
    """Seconds until the engine has taken it; None if it has not within TAKEN_SECONDS. Raises TurnoutError."""
    started = time.perf_counter()
    order = f"{verb} {uuid.uuid4().hex}"
    given = client.patch(ROLLOUT, namespace, name, {"metadata": {"annotations": {ORDER: order}}})
    version = given["metadata"]["resourceVersion"]
    for event, seen in client.watch(ROLLOUT, namespace, version, TAKEN_SECONDS):
        metadata = seen["metadata"]
        if metadata["name"] != name:
            continue
        if event == "DELETED":
            raise TurnoutError(f"the rollout {name} was deleted meanwhile")
        if metadata.get("annotations", {}).get(ORDER) != order:
            return time.perf_counter() - started
    return None
