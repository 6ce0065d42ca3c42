"""`/routes`: every route in words, in the order in which they are tried; weights and mirrors to move and take back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from turnout.client.change import undo
from turnout.error import TurnoutError
from turnout.resources.kinds import VIRTUAL_SERVICE
from turnout.web.markup import tag
from turnout.web.page import Page
from turnout.web.past import Step, steps
from turnout.web.route import Route, read
from turnout.web.route_card import RouteCard, Subsets, Wishes, in_force_words
from turnout.web.visit import Visit

HISTORY_SECONDS = 2.0


def build(visit: Visit) -> None:
    """The routes, and beside them what was changed lately."""
    with tag("div", classes="toolbar"):
        tag("h1", "Routes")
        tag("span", "of the routes of each VirtualService, the first that matches answers", classes="muted")
    with tag("div", classes="routes-and-history"):
        routes = _Routes(visit)
        history = _History(visit)
    visit.watch("status", routes.know, every_seconds=2.0)
    visit.watch("routes", routes.show)
    visit.watch("history", history.show, every_seconds=HISTORY_SECONDS)


class _Routes:
    """Cards by VirtualService. What somebody has moved survives that other routes come and go."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._subsets: Subsets = {}
        self._laid_out: list[object] = []
        self._cards: list[RouteCard] = []
        self._heads: list[_Head] = []
        self._wishes: dict[object, Wishes] = {}
        self._list = tag("div", classes="routes")
        with self._list:
            tag("p", "There is no VirtualService yet.", classes="card muted")

    def know(self, status: Mapping[str, Any]) -> None:
        """Which subsets there are."""
        self._subsets = {
            service["host"]: [version["subset"] for version in service["versions"] if version["subset"]]
            for service in status["services"]
        }

    def show(self, shown: Sequence[Mapping[str, Any]]) -> None:
        found = [(virtual_service, read(virtual_service)) for virtual_service in shown]
        layout: list[object] = [_key(route) for _, routes in found for route in routes] + [v["name"] for v in shown]
        if layout != self._laid_out and found:
            self._lay_out(found)
        self._laid_out = layout
        for head, virtual_service in zip(self._heads, shown, strict=True):
            head.show(virtual_service)
        rows = [(row, route) for virtual_service, routes in found for row, route in _rows(virtual_service, routes)]
        for card, (row, route) in zip(self._cards, rows, strict=True):
            card.show(row, route, self._subsets)

    def _lay_out(self, found: Sequence[tuple[Mapping[str, Any], Sequence[Route]]]) -> None:
        self._list.clear()
        self._cards, self._heads = [], []
        kept, self._wishes = self._wishes, {}
        with self._list:
            for _, routes in found:
                with tag("section", classes="virtual-service"):
                    self._heads.append(_Head())
                    with tag("ol", classes="rules"):
                        for number, route in enumerate(routes, 1):
                            key = _wishes_key(route)
                            wishes = self._wishes[key] = kept.get(key) or Wishes.of(route)
                            self._cards.append(RouteCard(self._visit, number, route, wishes))


def _rows(virtual_service: Mapping[str, Any], routes: Sequence[Route]) -> list[tuple[Mapping[str, Any], Route]]:
    return list(zip(virtual_service["routes"], routes, strict=True))


def _key(route: Route) -> object:
    """What a card is made for."""
    return (*_wishes_key(route), route.index, route.mirror_rule is None, route.part)


def _wishes_key(route: Route) -> tuple[object, ...]:
    """The same route, even if another one was put before it; those without a name are told apart by where they lead."""
    destinations = tuple((share.host, share.subset, share.port) for share in route.shares)
    return (
        route.kind,
        route.namespace,
        route.virtual_service,
        route.name,
        destinations,
        "" if route.name else route.index,
    )


class _Head:
    """What the VirtualService says of itself."""

    def __init__(self) -> None:
        with tag("header"):
            with tag("h2"):
                self._name = tag("span")
                self._where = tag("code", classes="where muted")
            self._hosts = tag("p", classes="muted")
            self._merged = tag("p", classes="muted", hidden=True)

    def show(self, shown: Mapping[str, Any]) -> None:
        kind = "" if shown["kind"] == VIRTUAL_SERVICE.kind else f"{shown['kind']} "
        self._name.say(f"{kind}{shown['namespace']}/{shown['name']}")
        self._where.say(shown["where"])
        self._hosts.say(hosts_words(shown["hosts"], shown["gateways"]))
        self._merged.say(
            " ".join(f"{m['host']} is shared: tried in the order {', '.join(m['order'])}." for m in shown["merged"])
        )
        self._merged.set(hidden=not shown["merged"])


def hosts_words(hosts: Sequence[str], gateways: Sequence[str]) -> str:
    """`for app.test, through gateway web and from inside the mesh`."""
    ways = ["from inside the mesh" if gateway == "mesh" else f"through gateway {gateway}" for gateway in gateways]
    return f"for {', '.join(hosts)}, {' and '.join(ways)}"


class _History:
    """What was changed, the newest first, each with a button that takes it back where that is possible."""

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._history: Sequence[Mapping[str, Any]] = ()
        self._shown: list[Step] = []
        with tag("section", classes="card history"):
            tag("h2", "History")
            self._said = tag("p", classes="rule-said", role="status", tabindex="-1")
            self._empty = tag("p", "Nothing was shifted or mirrored yet.", classes="muted")
            self._list = tag("ol")

    def show(self, history: Sequence[Mapping[str, Any]]) -> None:
        found = steps(history)
        self._history = history
        if found == self._shown:
            return
        self._shown = found
        self._empty.set(hidden=bool(found))
        self._list.clear()
        with self._list:
            for step in found:
                self._entry(step)

    def _entry(self, step: Step) -> None:
        with tag("li", classes="undone" if step.undone else ""):
            with tag("div", classes="step-head"):
                tag("code", f"turnout {step.command}")
                if step.undone:
                    tag("span", "undone", classes="pill")
                if step.undoable:
                    button = tag("button", "Undo", classes="button", type="button", aria_label=f"Undo {step.command}")
                    button.on("click", lambda: self._undo(step.number))
            for change in step.changes:
                tag("p", change, classes="muted")
            if step.at:
                tag("p", step.at, classes="muted when")

    async def _undo(self, number: int) -> None:
        step = next((step for step in self._history if step["number"] == number), None)
        if step is None:
            return
        self._said.run_method("focus")  # the button that was pressed goes away
        try:
            outcome = await self._visit.ask(lambda client: undo(client, step))
        except TurnoutError as error:
            self._say(f"{error.message}: {error.hint}" if error.hint else error.message, failed=True)
            return
        self._say(f"Undone. {in_force_words(outcome.acknowledged, outcome.seconds)}", failed=False)
        marked = [{**other, "undone": True} if other is step else other for other in self._history]
        self.show(marked)

    def _say(self, text: str, *, failed: bool) -> None:
        self._said.say(text)
        self._said.tone("bad", on=failed)
        self._said.tone("good", on=not failed)


PAGE = Page("/routes", "Routes", build)
