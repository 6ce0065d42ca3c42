"""What happens to pods, as Kubernetes' Events: bounded in number, and equal ones counted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from turnout.apiserver.store import Store
from turnout.resources.kinds import EVENT
from turnout.workloads.status import PodStatus

MAX_EVENTS = 300

Type = Literal["Normal", "Warning"]
Happening = tuple[Type, str, str]
"""Type, reason, message."""


class EventLog:
    """Writes into the store; the oldest events give way to new ones."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def tell(self, involved: Mapping[str, Any], happening: Happening) -> None:
        """Something happened to an object."""
        kind, reason, message = happening
        meta, at = involved["metadata"], self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        digest = hashlib.sha256(f"{meta['uid']} {reason} {message}".encode()).hexdigest()[:16]
        name = f"{meta['name'][:200]}.{digest}"
        known = self._store.get(EVENT, meta["namespace"], name)
        if known is not None:
            self._store.replace(EVENT, {**known, "lastTimestamp": at, "count": known.get("count", 1) + 1})
            return
        reference = {"apiVersion": involved["apiVersion"], "kind": involved["kind"], "name": meta["name"]}
        reference |= {"namespace": meta["namespace"], "uid": meta["uid"]}
        self._store.create(
            EVENT,
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": name, "namespace": meta["namespace"]},
                "involvedObject": reference,
                "type": kind,
                "reason": reason,
                "message": message,
                "source": {"component": "turnout"},
                "firstTimestamp": at,
                "lastTimestamp": at,
                "count": 1,
            },
        )
        self._prune()

    def _prune(self) -> None:
        events = self._store.list(EVENT)
        if len(events) <= MAX_EVENTS:
            return
        for event in sorted(events, key=lambda event: str(event.get("lastTimestamp", "")))[: MAX_EVENTS // 10]:
            self._store.delete(EVENT, event["metadata"]["namespace"], event["metadata"]["name"])


def happenings(before: PodStatus | None, now: PodStatus) -> Iterator[Happening]:
    """What a pod's change of status means. `before`: None for a pod that is new."""
    was = before or PodStatus(now.name, now.namespace, now.workload)
    if now.phase == "building" != was.phase:
        yield "Normal", "Building", "building what it runs"
    if now.pid is not None and now.pid != was.pid:
        yield "Normal", "Started", f"started process {now.pid}" + (", again" if now.restarts else "")
    if now.ready and not was.ready:
        yield "Normal", "Ready", "ready: it gets requests"
    if now.draining and not was.draining:
        yield "Normal", "Killing", "gets no new requests, finishes those it has, and is stopped"
    elif now.message and now.message != was.message:
        yield "Warning", {"crash-loop": "BackOff", "failed": "Failed"}.get(now.phase, "Unhealthy"), now.message
