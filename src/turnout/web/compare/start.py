"""The form that starts a comparison: of what, how much of it, and for how long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from turnout.web.field import Select
from turnout.web.markup import tag

SAMPLES = {
    "1/64": "1/64 of the requests",
    "1/16": "1/16 of the requests",
    "1/4": "1/4 of the requests",
    "all": "all requests",
}
TIMES = {"60": "1 minute", "300": "5 minutes", "900": "15 minutes", "sure": "until it is sure"}
DEFAULT_SAMPLE, DEFAULT_TIME = "1/16", "300"
SURE_SECONDS = 3600
"""How long it looks for certainty at most."""
ONE_VERSION = "No service has two versions yet: a DestinationRule names them as subsets."

Order = Mapping[str, Any]


class Start:
    """`begin` gets what to POST."""

    def __init__(self, begin: Callable[[Order], Awaitable[None]]) -> None:
        self._begin = begin
        self._services: Mapping[str, Sequence[str]] = {}
        self._chosen_by_hand: set[str] = set()
        with tag("section", classes="card", id="start", tabindex="-1") as self._card:
            tag("h2", "Start a comparison")
            with tag("div", classes="toolbar start") as self._form:
                self._service = Select("Service", {}, "", lambda _: self._offer_versions())
                self._from = Select("Stable", {}, "", lambda _: None)
                self._to = Select("Candidate", {}, "", lambda _: None)
                self._sample = Select("Copy", SAMPLES, DEFAULT_SAMPLE, lambda _: None)
                self._time = Select("For", TIMES, DEFAULT_TIME, lambda _: None)
                self._button = tag("button", "Start", classes="button primary", type="button")
            self._none = tag("p", ONE_VERSION, classes="muted", hidden=True)
        self._button.on("click", self._pressed)

    def show(self, *, on: bool) -> None:
        """Not there while one runs: there is one at a time."""
        self._card.set(hidden=not on)

    def know(self, status: Mapping[str, Any]) -> None:
        """Which services have several versions; the one with the most weight is stable, unless somebody says so."""
        self._services = versions(status)
        self._form.set(hidden=not self._services)
        self._none.set(hidden=bool(self._services))
        if self._services:
            if self._service.chosen not in self._services:
                self._service.choose(next(iter(self._services)))
            self._service.offer({key: key.removeprefix("default/") for key in self._services})
            self._offer_versions()

    def _offer_versions(self) -> None:
        subsets = self._services[self._service.chosen]
        for at, select in enumerate((self._from, self._to)):
            if select.chosen not in subsets:
                select.choose(subsets[at])
            select.offer({subset: subset for subset in subsets})

    async def _pressed(self) -> None:
        if not self._services:
            return
        self._button.set(disabled=True)
        try:
            await self._begin(
                order(self._service.chosen, self._from.chosen, self._to.chosen, self._sample.chosen, self._time.chosen)
            )
        finally:
            self._button.set(disabled=False)


def versions(status: Mapping[str, Any]) -> dict[str, list[str]]:
    """`default/reviews` → its subsets, the one with the most weight first; services with one version are left out."""
    found = {}
    for service in status["services"]:
        subsets = [version["subset"] for version in service["versions"] if version["subset"]]
        if len(subsets) > 1:
            weights = _weights(service)
            found[f"{service['namespace']}/{service['name']}"] = sorted(subsets, key=lambda s: -weights.get(s, 0.0))
    return found


def _weights(service: Mapping[str, Any]) -> dict[str, float]:
    """The sum over all routes."""
    found: dict[str, float] = {}
    for route in service["routes"]:
        for subset, weight in route["weights"].items():
            found[subset] = found.get(subset, 0.0) + float(weight)
    return found


def order(service: str, stable: str, candidate: str, sample: str, time: str) -> dict[str, Any]:
    """What the view `comparison` is asked to do."""
    namespace, _, name = service.partition("/")
    return {
        "do": "start",
        "namespace": namespace,
        "service": name,
        "from": stable,
        "to": candidate,
        "sample": sample,
        "seconds": SURE_SECONDS if time == "sure" else int(time),
        "until_sure": time == "sure",
    }
