"""Weights that change nothing."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.analysis.destinations import where
from turnout.analysis.inventory import Inventory
from turnout.problem import Problem
from turnout.resources.codes import problem
from turnout.resources.virtual_service import HTTPRouteDestination


def idle_weights(inventory: Inventory) -> Iterator[Problem]:
    """TNO310: the weight of the only destination, which gets everything; or of one that is listed twice."""
    for owner in inventory.mesh.virtual_services:
        for index, http in enumerate(owner.spec.http):
            path = f"spec.http[{index}].route"
            if len(http.route) == 1 and http.route[0].weight not in (0, 100):
                message = f"the only destination gets everything, whatever its weight ({http.route[0].weight}) is"
                hint = "add the other destination, or remove the weight"
                yield problem("TNO310", where(owner, f"{path}[0].weight"), message, hint)
            for at, choice in enumerate(http.route):
                before = next((i for i, other in enumerate(http.route[:at]) if _same_place(other, choice)), None)
                if before is not None:
                    message = f"route[{before}] leads to the same destination: their weights add up"
                    yield problem("TNO310", where(owner, f"{path}[{at}]"), message, "was another subset meant?")


def _same_place(a: HTTPRouteDestination, b: HTTPRouteDestination) -> bool:
    return (a.destination, a.headers) == (b.destination, b.headers)
