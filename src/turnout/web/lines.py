"""Lines that follow one another: logs, requests. Searching and pausing happen in the browser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nicegui.element import Element

from turnout.web.stream import KEPT_LINES


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line: its text, a CSS class, and where it leads."""

    text: str
    look: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """`tone`: a CSS class for all of it."""

    parts: Sequence[Part]
    tone: str = ""


class Lines(Element, component="assets/lines.js"):
    """The last `KEPT_LINES` of what is added. `search`: what is looked for at first."""

    def __init__(self, label: str, *, search: str = "") -> None:
        super().__init__()
        self.props.update({"label": label, "search": search, "most": KEPT_LINES})
        self.classes("lines-view")

    def say_when_empty(self, text: str) -> None:
        self.props.set_optional("empty", text)

    def add(self, lines: Iterable[Line], *, missed: int = 0, anew: bool = False) -> None:
        """`missed`: how many were left out before them; `anew`: nothing else is shown any more."""
        rows = [{"tone": line.tone, "parts": [[p.text, p.look, p.href] for p in line.parts]} for line in lines]
        self.run_method("add", rows, missed, anew)
