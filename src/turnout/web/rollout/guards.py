"""The guards of the present step: what each says, and how its interval has shrunk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from turnout.web.figure import points
from turnout.web.keyed import Keyed
from turnout.web.markup import Tag, tag
from turnout.web.rollout.interval import Picture, judged_steps, of_guard, picture
from turnout.web.rollout.story import Shown, compares
from turnout.web.rollout.verdict import told

NOBODY = "No guard is asked in this step. What the others were decided on stands below."


class Guards:
    """A list; a guard that stays keeps its place."""

    def __init__(self) -> None:
        self._empty = tag("p", NOBODY, classes="muted", hidden=True)
        self._guards: Keyed[tuple[Shown, Picture]] = Keyed(tag("ul", classes="guards"), _Guard)
        with tag("p", classes="guards-more", hidden=True) as self._compared:
            tag("a", "What is compared, and what was found", href="/compare")

    def show(self, rollout: Shown) -> None:
        status = rollout.get("status") or {}
        verdicts: Sequence[Shown] = status.get("verdicts") or ()
        steps = judged_steps(status.get("steps") or (), status.get("step", 0))
        looks = rollout.get("looks") or ()
        self._empty.set(hidden=bool(verdicts) or not status)
        self._compared.set(hidden=not compares(rollout))
        self._guards.show(
            {v["guard"]: (v, picture(of_guard(looks, v["guard"], steps), v.get("tolerance") or 0.01)) for v in verdicts}
        )


class _Guard:
    def __init__(self) -> None:
        with tag("li", classes="guard") as self._item:
            with tag("div", classes="guard-head"):
                self._name = tag("h3")
                self._pill = tag("span", classes="pill")
            self._words = tag("p")
            self._chart = _Shrinking()
            self._bounds = tag("p", classes="muted guard-bounds")

    @property
    def element(self) -> Tag:
        return self._item

    def show(self, content: tuple[Shown, Picture]) -> None:
        said, drawn = told(content[0]), content[1]
        self._name.say(said.name)
        self._pill.say(said.called)
        self._pill.toned(said.tone)
        self._words.say(said.words)
        self._bounds.say(said.bounds)
        self._bounds.set(hidden=not said.bounds)
        self._chart.show(drawn, said.bounds, said.tone, content[0].get("tolerance"))


class _Shrinking:
    """The band of the interval over time, and where it is now, at the right. What it says stands below it, too.

    Not there before there is an interval, nor for what is judged otherwise.
    """

    def __init__(self) -> None:
        with tag("div", classes="shrinking", role="img", hidden=True) as self._frame:
            with tag("svg", viewBox="0 0 100 100", preserveAspectRatio="none", aria_hidden="true"):
                self._band = tag("path", classes="band")
                tag("line", classes="zero", x1="0", x2="100", y1="50", y2="50")
                self._tolerance = tag("line", classes="tolerance", x1="0", x2="100")
                self._line = tag("path", classes="increase")
            self._now = tag("span", classes="now-bar")
            self._point = tag("span", classes="now-point")
            self._tolerated = tag("span", classes="at-tolerance")
            tag("span", "as stable", classes="at-zero")
            self._top = tag("span", classes="at-top")
            self._bottom = tag("span", classes="at-bottom")

    def show(self, drawn: Picture, says: str, tone: str, tolerance: Any) -> None:
        self._frame.set(aria_label=says)
        self._frame.toned(tone)
        self._band.set(d=drawn.band)
        self._line.set(d=drawn.line)
        self._tolerance.set(y1=str(drawn.tolerance), y2=str(drawn.tolerance))
        self._tolerated.set(style=f"top: {drawn.tolerance}%")
        self._tolerated.say(f"tolerated {points(tolerance)}" if tolerance is not None else "tolerated")
        self._top.say(points(drawn.reach))
        self._bottom.say(points(-drawn.reach))
        known = drawn.point is not None
        self._frame.set(hidden=not known)
        if drawn.high is not None and drawn.low is not None:
            self._now.set(style=f"top: {drawn.high}%; height: {max(0.0, drawn.low - drawn.high):.2f}%")
            self._point.set(style=f"top: {drawn.point}%")
