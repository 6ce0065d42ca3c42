"""The service graph as an element: what `drawing` says, drawn by `assets/service_graph.js`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nicegui.element import Element


class Picture(Element, component="assets/service_graph.js"):
    """`pick` is called with the id of the row or line that was clicked or chosen with a key, "" for none."""

    def __init__(self, picture: Mapping[str, Any], picked: str, pick: Callable[[str], None]) -> None:
        super().__init__()
        self.props["picture"] = picture
        self.props["picked"] = picked
        self.on("pick", lambda event: pick(str(event.args)))

    def show(self, picture: Mapping[str, Any]) -> None:
        """What has changed is drawn anew, the rest stays as it is."""
        self.props["picture"] = picture

    def choose(self, picked: str) -> None:
        """The row or line that stands out."""
        self.props["picked"] = picked
