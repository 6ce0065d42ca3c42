"""A Rollout object as the engine reads and writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from turnout.error import TurnoutError
from turnout.rollout import saved as saving
from turnout.rollout.order import ANNOTATION, Order, order_of
from turnout.rollout.saved import Saved
from turnout.rollout.shelf import Shelf


class Resource:
    """The object as it was listed. Methods raise ApiError and NotRunning."""

    def __init__(self, shelf: Shelf, obj: Mapping[str, Any]) -> None:
        self._shelf = shelf
        self.obj = obj
        self.status: Mapping[str, Any] = obj.get("status") or {}
        self.namespace: str = obj["metadata"]["namespace"]
        self.name: str = obj["metadata"]["name"]
        self.generation: int = obj["metadata"]["generation"]

    @property
    def saved(self) -> Saved | None:
        """None: it has not begun, or another Turnout has written what cannot be read."""
        engine = self.status.get("engine")
        try:
            return saving.read(engine) if engine else None
        except (KeyError, TypeError, ValueError):
            return None

    @property
    def order(self) -> Order | None:
        return order_of(self.obj)

    def write(self, status: Mapping[str, Any]) -> None:
        """These fields of the status; the others stay."""
        self._shelf.write_status(self.namespace, self.name, status)

    def took(self, order: Order, at: float, refused: str) -> None:
        """The order is no longer open. Its outcome is there first: whoever waits sees one or the other."""
        self.write({"order": {"id": order.id, "verb": order.verb, "at": at, "refused": refused}})
        self._shelf.annotate(self.namespace, self.name, {ANNOTATION: None})

    def fail(self, error: TurnoutError) -> None:
        """Says why it does not go on; it is tried again with the next look."""
        why = error.message + (f" ({error.hint})" if error.hint else "")
        if self.status.get("why") != why:
            phase = self.status.get("phase") or "refused"
            self.write({"phase": phase, "why": why, "observedGeneration": self.generation})
