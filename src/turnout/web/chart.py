"""Lines over time, drawn by ECharts as SVG, so that their colours are the design's, in both themes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from turnout.web.history import History, Strand, values
from turnout.web.markup import tag

_MARK_COLOUR = "var(--muted)"
_TEXT = {"color": "var(--muted)", "fontFamily": "system-ui, sans-serif", "fontSize": 11}


@dataclass(frozen=True, slots=True)
class Scale:
    """`shown`: a JavaScript function from a value to its text. `factor`: from the view's figures to those drawn.

    `floor`: another one, from the range of the values to where the axis begins.
    """

    shown: str
    factor: float = 1.0
    floor: str = "() => 0"
    top: float | None = None


class Chart:
    """One figure of each version. `label` tells a screen reader what it is; the figures themselves stand in tables."""

    def __init__(self, label: str, figure: str, scale: Scale) -> None:
        self._figure = figure
        self._scale = scale
        self._empty = tag("p", "No requests within this window.", classes="muted chart-empty", hidden=True)
        self._chart = ui.echart(_options(scale), renderer="svg").classes("chart")
        self._chart.props["role"] = "img"
        self._chart.props["aria-label"] = label

    def show(self, history: History, faded: Sequence[str] = ()) -> None:
        """`faded`: keys of strands that step back."""
        self._empty.set(hidden=bool(history.times))
        options = self._chart.options
        options["xAxis"] = {**options["xAxis"], "min": history.begin * 1000, "max": history.end * 1000}
        lines = [self._series(strand, history, faded=strand.key in faded) for strand in history.strands]
        options["series"] = [*lines, _marks(history)]

    def _series(self, strand: Strand, history: History, *, faded: bool) -> dict[str, Any]:
        colour, factor = colour_of(strand), self._scale.factor
        return {
            "id": strand.key,
            "name": strand.called,
            "type": "line",
            "data": [
                [at, None if value is None else round(value * factor, 3)]
                for at, value in values(strand, history.times, self._figure)
            ],
            "showSymbol": len(history.times) == 1,
            "symbolSize": 5,
            "itemStyle": {"color": colour},
            "lineStyle": {
                "color": colour,
                "width": 2,
                "type": [5, 4] if strand.copies else "solid",
                "opacity": 0.2 if faded else 1,
            },
            "emphasis": {"disabled": True},
        }


def colour_of(strand: Strand) -> str:
    """As CSS has it."""
    return "var(--bad)" if strand.colour is None else f"var(--series-{strand.colour})"


def _marks(history: History) -> dict[str, Any]:
    """A line where something changed; what it was stands below the charts, and in the tooltip."""
    return {
        "id": "marks",
        "name": "",
        "type": "line",
        "data": [],
        "markLine": {
            "symbol": ["none", "none"],
            "animation": False,
            "label": {"show": False},
            "lineStyle": {"color": _MARK_COLOUR, "type": [2, 3], "width": 1},
            "emphasis": {"disabled": True},
            "data": [{"xAxis": mark["at"] * 1000, "name": mark["text"]} for mark in history.marks],
        },
    }


def _options(scale: Scale) -> dict[str, Any]:
    return {
        "animation": False,
        "grid": {"left": 4, "right": 14, "top": 12, "bottom": 2, "containLabel": True},
        "tooltip": {
            "trigger": "axis",
            "confine": True,
            "transitionDuration": 0,
            "backgroundColor": "var(--raised)",
            "borderColor": "var(--line-strong)",
            "textStyle": {"color": "var(--ink)", "fontSize": 12, "fontFamily": "system-ui, sans-serif"},
            "axisPointer": {"lineStyle": {"color": "var(--line-strong)"}},
            ":valueFormatter": f"(value) => value === null || value === undefined ? '-' : ({scale.shown})(value)",
        },
        "xAxis": {
            "type": "time",
            "axisLine": {"lineStyle": {"color": "var(--line-strong)"}},
            "axisTick": {"show": False},
            "axisLabel": {**_TEXT, "hideOverlap": True},
            "splitLine": {"show": False},
            "splitNumber": 5,
        },
        "yAxis": {
            "type": "value",
            ":min": scale.floor,
            "max": scale.top,
            "splitNumber": 3 if scale.top is None else 2,
            "axisLabel": {**_TEXT, ":formatter": scale.shown},
            "splitLine": {"lineStyle": {"color": "var(--line)"}},
        },
        "series": [],
    }
