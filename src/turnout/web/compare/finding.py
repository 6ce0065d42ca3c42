"""One finding: how often the candidate differs beside how often stable does itself, and examples side by side."""

from __future__ import annotations

from dataclasses import dataclass

from turnout.delivery.comparison.words import Json as Shown
from turnout.delivery.comparison.words import examples, kind
from turnout.web.compare.report import CLASSES, accept_command, chance, rate
from turnout.web.keyed import Keyed
from turnout.web.markup import Tag, tag

NOTHING = "(nothing)"
MEANT = "This command writes it into the file of what may differ, which later comparisons heed; --why adds a reason."


@dataclass(frozen=True, slots=True)
class Found:
    """A field of a route's report, with its route and comparison."""

    field: Shown
    route: Shown
    view: Shown


class Finding:
    """An entry of a list; what somebody has opened stays open."""

    def __init__(self) -> None:
        with tag("li", classes="finding") as self._item:
            with tag("div", classes="finding-told"):
                self._told()
            with tag("div", classes="finding-shown"):
                self._first: Keyed[Found] = Keyed(tag("div"), _Example)
                with tag("details", classes="unfold", hidden=True) as self._unfold:
                    self._summary = tag("summary")
                    self._others: Keyed[Found] = Keyed(tag("div"), _Example)

    def _told(self) -> None:
        with tag("div", classes="finding-head"):
            self._class = tag("span", classes="pill")
            self._path = tag("code")
            self._kind = tag("span")
        self._words = tag("p")
        with tag("div", classes="rates"):
            self._candidate, self._baseline = _Rate(), _Rate()
        self._chance = tag("p", classes="muted")
        with tag("details", classes="unfold") as self._meant:
            tag("summary", "It is meant to be so")
            tag("p", MEANT, classes="muted")
            self._command = tag("code", classes="command")

    @property
    def element(self) -> Tag:
        return self._item

    def show(self, found: Found) -> None:
        field, view = found.field, found.view
        self._class.say(field["class"])
        self._class.toned(CLASSES[field["class"]])
        self._path.say(field["path"])
        self._kind.say(kind(field))
        self._words.say(field["words"])
        self._words.set(hidden=not field["words"])
        self._candidate.show(str(view["to"]), field["candidate"])
        self._baseline.show(f"{view['from']} itself", field["baseline"])
        self._chance.say(chance(field))
        self._chance.set(hidden=not chance(field))
        self._meant.set(hidden=field["kind"] == "faster")  # that needs no leave
        self._command.say(accept_command(field, found.route))
        shown = [Found(each, found.route, found.view) for each in examples(field)]
        self._first.show(dict(enumerate(shown[:1])))
        self._others.show(dict(enumerate(shown[1:])))
        self._unfold.set(hidden=len(shown) < 2)
        self._summary.say(f"{len(shown) - 1} more examples" if len(shown) > 2 else "Another example")


class _Rate:
    """A share of answers on a scale from none to all, with its interval."""

    def __init__(self) -> None:
        self._name = tag("span", classes="rate-name")
        with tag("span", classes="rate-bar", aria_hidden="true"):
            self._interval = tag("span", classes="rate-interval")
            self._point = tag("span", classes="rate-point")
        self._words = tag("span", classes="rate-words")

    def show(self, name: str, counted: Shown) -> None:
        self._name.say(name)
        self._words.say(rate(counted))
        low, high = 100 * counted["low"], 100 * counted["high"]
        self._interval.set(style=f"left: {low:.2f}%; width: {high - low:.2f}%", hidden=not counted["pairs"])
        self._point.set(style=f"left: {100 * counted['share']:.2f}%", hidden=not counted["pairs"])


class _Example:
    """What stable and the candidate answered to one request."""

    def __init__(self) -> None:
        with tag("div", classes="example") as self._item:
            self._request = tag("code", classes="example-request")
            self._at = tag("span", classes="muted")
            with tag("div", classes="sides"):
                self._stable, self._candidate = _Side(), _Side()

    @property
    def element(self) -> Tag:
        return self._item

    def show(self, found: Found) -> None:
        example, view = found.field, found.view
        self._request.say(example["request"])
        self._at.say(f"at {example['at']}" if example["at"] else "")
        self._stable.show(str(view["from"]), example["stable"])
        self._candidate.show(str(view["to"]), example["candidate"])


class _Side:
    def __init__(self) -> None:
        with tag("div", classes="side"):
            self._name = tag("span", classes="muted")
            self._value = tag("code")

    def show(self, name: str, value: str | None) -> None:
        self._name.say(name)
        self._value.say(NOTHING if value is None else value)
        self._value.tone("muted", on=value is None)
