"""Small weights that many users meet, because each of their requests calls the service many times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from turnout.analysis.destinations import where
from turnout.analysis.inventory import Inventory
from turnout.delivery.blast_radius import FanOut
from turnout.mesh import names
from turnout.problem import Problem
from turnout.resources import sticky
from turnout.resources.calls_per_request import ANNOTATION, parsed
from turnout.resources.codes import problem
from turnout.resources.core import Service
from turnout.resources.virtual_service import HTTPRoute, VirtualService

MUCH_MORE: Final = 3.0
"""From how many times the weight on its reach is told. With two or three calls each, nobody is surprised."""


def stated(inventory: Inventory) -> dict[str, FanOut]:
    """What Services say of themselves, by host: every user request is taken to make so many calls."""
    found: dict[str, FanOut] = {}
    for service in inventory.of(Service):
        meta = service.metadata
        calls = parsed(meta.annotations.get(ANNOTATION, ""))
        if calls is not None:
            found[names.fqdn(meta.name, meta.namespace)] = FanOut(calls)
    return found


def split_hosts(resources: Iterable[object]) -> list[str]:
    """The hosts that VirtualServices give only a part of the requests to, sorted."""
    owners = [resource for resource in resources if isinstance(resource, VirtualService)]
    return sorted(
        {
            names.fqdn(choice.destination.host, owner.metadata.namespace)
            for owner in owners
            for http in owner.spec.http
            for choice in http.route
            if choice.destination and len(http.route) > 1
        }
    )


def wide_splits(inventory: Inventory, fan_outs: Mapping[str, FanOut]) -> Iterator[Problem]:
    """TNO313, for each weight below half that touches a much larger share of the users' requests.

    `fan_outs`: by host, as stated or as measured. Where a split is sticky, a user request meets one version only.
    """
    for owner in inventory.mesh.virtual_services:
        if sticky.ANNOTATION not in owner.metadata.annotations:
            for index, http in enumerate(owner.spec.http):
                for path, weight, fan_out in _small(owner, http, fan_outs):
                    if fan_out.touched(weight) >= MUCH_MORE * weight:
                        yield _wide(owner, f"spec.http[{index}].{path}", weight, fan_out)


def _small(
    owner: VirtualService, http: HTTPRoute, fan_outs: Mapping[str, FanOut]
) -> Iterator[tuple[str, float, FanOut]]:
    """The destinations that get less than half: where the weight stands, its share, and how often they are called."""
    total = sum(choice.weight for choice in http.route)
    for at, choice in enumerate(http.route):
        host = names.fqdn(choice.destination.host, owner.metadata.namespace) if choice.destination else ""
        if host in fan_outs and 0 < 2 * choice.weight < total:
            yield f"route[{at}].weight", choice.weight / total, fan_outs[host]


def _wide(owner: VirtualService, path: str, weight: float, fan_out: FanOut) -> Problem:
    bound = "" if fan_out.exact or fan_out.mean == int(fan_out.mean) else "up to "
    message = (
        f"{_percent(weight)} of the calls are {bound}{_percent(fan_out.touched(weight))} of users' requests: "
        f"each makes {fan_out.mean:.3g} calls"
    )
    hint = f"{fan_out.percent(weight)} % would touch {_percent(weight)} of them"
    less = hint if fan_out.percent(weight) else "no weight touches so few"
    more = f"{less}; or let all calls of one go the same way: annotation {sticky.ANNOTATION}"
    return problem("TNO313", where(owner, path), message, more)


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.4g} %"
