"""The buttons that steer a rollout, each with a question before anything happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from turnout.error import TurnoutError
from turnout.web.dialog import Dialog
from turnout.web.figure import duration, milliseconds
from turnout.web.markup import Tag, tag
from turnout.web.rollout.order import TAKEN_SECONDS, give
from turnout.web.rollout.story import Shown, phase
from turnout.web.visit import Visit

VERBS = {"promote": "Promote", "pause": "Pause", "resume": "Resume", "abort": "Abort"}


class Orders:
    """Of one rollout: `show` says which, and where it stands."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._rollout: Shown = {}
        self._busy = False
        with tag("div", classes="orders") as self._buttons:
            self._each = {verb: _Order(verb, partial(self._give, verb)) for verb in VERBS}
        self._said = tag("p", classes="rule-said", role="status", tabindex="-1")

    def show(self, rollout: Shown) -> None:
        self._rollout = rollout
        possible = possible_orders(rollout)
        self._buttons.set(hidden=not possible)
        for verb, order in self._each.items():
            order.show(question(verb, rollout), on=verb in possible)

    def forget(self) -> None:
        """Another rollout is shown: what was said of the last one does not hold for it."""
        self._say("", "")

    async def _give(self, verb: str) -> None:
        if self._busy or not self._rollout:
            return
        self._busy = True
        self._said.run_method("focus")  # the button that was pressed may go away
        self._say(f"{VERBS[verb]}: waiting for the engine to take the order…", "")
        namespace, name = self._rollout["namespace"], self._rollout["name"]
        try:
            seconds = await self._visit.ask(lambda client: give(client, namespace, name, verb))
        except TurnoutError as error:
            self._say(f"{error.message}: {error.hint}" if error.hint else error.message, "bad")
        else:
            self._say(*taken_words(verb, seconds))
        finally:
            self._busy = False

    def _say(self, text: str, tone: str) -> None:
        self._said.say(text)
        self._said.toned(tone)


class _Order:
    """A button and its question."""

    def __init__(self, verb: str, act: Callable[[], Awaitable[None]]) -> None:
        grave = verb == "abort"
        self._button: Tag = tag("button", f"{VERBS[verb]}…", classes="button", type="button")
        self._button.tone("grave-edge", on=grave)
        self._dialog = Dialog(f"{VERBS[verb]} this rollout?", VERBS[verb], act, grave=grave)
        self._dialog.opens_at(self._button)
        self._on = True

    def show(self, words: str, *, on: bool) -> None:
        self._button.set(hidden=not on)
        self._dialog.say(words)
        if self._on and not on:
            self._dialog.close()
        self._on = on


def possible_orders(rollout: Shown) -> list[str]:
    """Which orders would do something now."""
    status = rollout.get("status") or {}
    match phase(rollout):
        case "running":
            steps, here = status.get("steps") or (), status.get("step", 0)
            held = here < len(steps) and steps[here]["kind"] == "pause"
            return ["promote", *(["resume"] if held else []), "pause", "abort"]
        case "paused":
            return ["promote", "resume", "abort"]
        case "halted":
            return ["abort"]
        case _:
            return []


def question(verb: str, rollout: Shown) -> str:
    """What will happen, said before it does."""
    spec, status = rollout["spec"], rollout.get("status") or {}
    match verb:
        case "promote":
            unsure = [v["guard"] for v in status.get("verdicts") or () if v["kind"] != "fine"]
            doubts = f" Not shown to be fine yet: {', '.join(unsure)}." if unsure else ""
            return f"All requests go to {spec['to']} at once, and no guard is asked any more.{doubts}"
        case "abort":
            return f"All requests go back to {spec['from']} at once, and the rollout ends."
        case "pause":
            return "Nothing moves on until it is resumed. What is proven worse still goes back."
        case _:
            return "It goes on with the step where it stands."


def taken_words(verb: str, seconds: float | None) -> tuple[str, str]:
    """What is said after an order, and its CSS class."""
    if seconds is None:
        return (
            f"{VERBS[verb]}: the engine has not taken the order within {duration(TAKEN_SECONDS)}: see Problems.",
            "bad",
        )
    return f"{VERBS[verb]}: the engine took the order after {milliseconds(seconds * 1000)}.", "good"
