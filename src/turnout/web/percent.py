"""A share in percent that people move: a slider, and a field for what a slider is too coarse for."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from nicegui.element import Element


class Percent(Element, component="assets/percent.js"):
    """`says` is its whole name, for who cannot see where it stands. `on_move` gets what it was moved to, 0 to 100."""

    def __init__(self, label: str, says: str, on_move: Callable[[Decimal], None]) -> None:
        super().__init__()
        self._on_move = on_move
        self.props.update({"label": label, "says": says, "value": 0, "seen": 0})
        self.on("move", lambda event: self._moved(event.args))

    def show(self, percent: Decimal) -> None:
        """What the user is moving meanwhile is not torn away."""
        if self.props["value"] != float(percent):
            self.props["value"] = float(percent)

    def enable(self, *, on: bool) -> None:
        if self.props.get("disabled", False) == on:
            self.props["disabled"] = not on

    def _moved(self, given: object) -> None:
        if not isinstance(given, dict) or not isinstance(given.get("sent"), int):
            return
        self.props["seen"] = given["sent"]
        self._on_move(min(Decimal(100), max(Decimal(0), round(Decimal(str(given.get("percent", 0))), 3))))
