"""A comparison's routes, each with its findings worst first, and what else is known of it."""

from __future__ import annotations

from turnout.delivery.comparison.words import Json as Shown
from turnout.web.compare.finding import Finding, Found
from turnout.web.compare.report import Place, accepted, known, lacks, latencies, listed, noise, place, routes
from turnout.web.figure import count
from turnout.web.keyed import Keyed
from turnout.web.markup import Tag, tag
from turnout.web.table import Table

MOST_ROUTES = 30
MOST_LISTED = 50
"""Of one route, of each list: more are one mistake that shows in many places."""
RATES = ("Field", "What", "#Candidate", "#Stable itself")


class Routes:
    """All that was found."""

    def __init__(self) -> None:
        self._routes: Keyed[tuple[Shown, Shown]] = Keyed(tag("div", classes="compared-routes"), _Route)
        self._more = tag("p", classes="muted", hidden=True)

    def show(self, view: Shown) -> None:
        found = routes(view)
        self._routes.show({route["route"]: (route, view) for route in found[:MOST_ROUTES]})
        self._more.set(hidden=len(found) <= MOST_ROUTES)
        self._more.say(more(len(found) - MOST_ROUTES, "routes"))


class _Route:
    def __init__(self) -> None:
        self._places: list[Place] = []
        with tag("section", classes="card compared-route") as self._section:
            self._name = tag("h2")
            self._known = tag("p", classes="muted")
            self._none = tag("p", hidden=True)
            self._findings: Keyed[Found] = Keyed(tag("ul", classes="findings"), Finding)
            self._more = tag("p", classes="muted", hidden=True)
            self._lacks: Keyed[str] = Keyed(tag("ul", classes="lacks"), _Line)
            with tag("details", classes="unfold") as self._noise:
                self._noise_summary = tag("summary")
                self._noise_table = Table("Noise", RATES)
            with tag("details", classes="unfold") as self._accepted:
                self._accepted_summary = tag("summary")
                self._accepted_table = Table("Accepted", ("Field", "What", "#Candidate", "Why"))
            with tag("details", classes="unfold", open=True) as self._latency:
                tag("summary", "Latency")
                self._latency_table = Table("Latency", ("Who answered", "#p50", "#p90", "#p99"))

    @property
    def element(self) -> Tag:
        return self._section

    def show(self, content: tuple[Shown, Shown]) -> None:
        route, view = content
        self._name.say(route["route"])
        self._known.say(known(route, view))
        self._show_findings(route, view)
        self._lacks.show({text.partition(":")[2]: text for text in lacks(route, view)})
        self._show_rest(route, view)

    def _show_findings(self, route: Shown, view: Shown) -> None:
        found = listed(route, self._places)
        self._places = [place(field) for field in found]
        self._findings.show({place(field): Found(field, route, view) for field in found[:MOST_LISTED]})
        self._none.set(hidden=bool(found))
        self._none.say("No difference found." if route["sure"] else "No difference found yet.")
        self._more.set(hidden=len(found) <= MOST_LISTED)
        self._more.say(more(len(found) - MOST_LISTED, "fields"))

    def _show_rest(self, route: Shown, view: Shown) -> None:
        names = {"candidate": str(view["to"]), "stable": f"{view['from']} itself"}
        noisy, meant, times = list(noise(route)), list(accepted(route)), list(latencies(route, view))
        self._noise.set(hidden=not noisy)
        self._noise_summary.say(f"Noise: {_fields(len(noisy))}, in which {view['from']} differs from itself as often")
        self._noise_table.head("Field", "What", names["candidate"], names["stable"])
        self._noise_table.show(noisy[:MOST_LISTED])
        self._accepted.set(hidden=not meant)
        self._accepted_summary.say(f"Accepted: {_fields(len(meant))} that may differ")
        self._accepted_table.head("Field", "What", names["candidate"], "Why")
        self._accepted_table.show(meant[:MOST_LISTED])
        self._latency.set(hidden=not times)
        self._latency_table.show(times)


class _Line:
    def __init__(self) -> None:
        self._item = tag("li")

    @property
    def element(self) -> Tag:
        return self._item

    def show(self, text: str) -> None:
        self._item.say(text)


def more(number: int, what: str) -> str:
    """Where to find what is not shown."""
    return f"… and {count(number)} {what} more: turnout compare report --json has them."


def _fields(number: int) -> str:
    return f"{count(number)} fields" if number != 1 else "1 field"
