"""What became of a rollout, in the Rollout itself: a controller has no disk, and the next one is to know it too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from turnout.error import ApiError
from turnout.rollout.shelf import Shelf

MOST_EVENTS: Final = 40
"""Of one rollout: the latest. An object of Kubernetes should stay small."""


class Record:
    """`status.events`; looks between events are not kept. Methods raise ApiError, and what the client raises."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def tell(self, namespace: str, name: str, event: Mapping[str, Any]) -> None:
        """One more event, the oldest first."""
        try:
            status = self._shelf.get(namespace, name).get("status") or {}
        except ApiError as error:
            if error.status != 404:  # deleted meanwhile
                raise
            return
        events = [*(status.get("events") or ()), event][-MOST_EVENTS:]
        self._shelf.write_status(namespace, name, {"events": events})

    def look(self, namespace: str, name: str, look: Mapping[str, Any]) -> None:
        """Left out: it comes with every look, and tells nobody who is not looking at a chart."""

    def forget_looks(self, namespace: str, name: str) -> None:
        """There are none."""
