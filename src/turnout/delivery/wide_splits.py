"""Small weights that many users meet, because each of their requests calls the service many times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from turnout.analysis.destinations import where
from turnout.analysis.inventory import Inventory
from turnout.delivery.blast_radius import FanOut
from turnout.mesh import names
from turnout.problem import ObjectPath, Problem
from turnout.resources import gateway_api, sticky
from turnout.resources.calls_per_request import ANNOTATION, parsed
from turnout.resources.codes import problem
from turnout.resources.core import Service
from turnout.resources.virtual_service import HTTPRoute, VirtualService

Named = gateway_api.ParentReference | gateway_api.HTTPBackendRef | gateway_api.GRPCBackendRef

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
                for at, weight, fan_out in _small(_choices(owner, http), fan_outs):
                    yield from _wide(where(owner, f"spec.http[{index}].route[{at}].weight"), weight, fan_out)
    for route in inventory.mesh.gateway_api.source.routes:
        if isinstance(route, (gateway_api.HTTPRoute, gateway_api.GRPCRoute)) and (
            sticky.ANNOTATION not in route.metadata.annotations
        ):
            yield from _of_route(route, fan_outs)


def _of_route(
    route: gateway_api.HTTPRoute | gateway_api.GRPCRoute, fan_outs: Mapping[str, FanOut]
) -> Iterator[Problem]:
    """All backends are versions of what says the most: the Service that it is attached to, or one of them."""
    meta = route.metadata
    parents = [_host(parent, meta.namespace) for parent in route.spec.parent_refs if parent.kind == "Service"]
    rules: Sequence[gateway_api.HTTPRouteRule | gateway_api.GRPCRouteRule] = route.spec.rules
    for index, rule in enumerate(rules):
        backends: Sequence[gateway_api.HTTPBackendRef | gateway_api.GRPCBackendRef] = rule.backend_refs
        hosts = [*parents, *(_host(backend, meta.namespace) for backend in backends)]
        said = [fan_outs[host] for host in hosts if host in fan_outs]
        if not said:
            continue
        most = max(said, key=lambda fan_out: fan_out.mean)
        choices = [("", backend.weight) for backend in backends]
        for at, weight, fan_out in _small(choices, {"": most}):
            path = f"spec.rules[{index}].backendRefs[{at}].weight"
            yield from _wide(ObjectPath(type(route).__name__, meta.namespace, meta.name, path), weight, fan_out)


def _host(reference: Named, namespace: str) -> str:
    return names.fqdn(reference.name, reference.namespace or namespace)


def _choices(owner: VirtualService, http: HTTPRoute) -> list[tuple[str, int]]:
    """Hosts and weights."""
    namespace = owner.metadata.namespace
    hosts = (names.fqdn(choice.destination.host, namespace) if choice.destination else "" for choice in http.route)
    return list(zip(hosts, (choice.weight for choice in http.route), strict=True))


def _small(choices: Sequence[tuple[str, int]], fan_outs: Mapping[str, FanOut]) -> Iterator[tuple[int, float, FanOut]]:
    """The choices that get less than half: where they stand, their share, and how often they are called."""
    total = sum(weight for _, weight in choices)
    for at, (host, weight) in enumerate(choices):
        if host in fan_outs and 0 < 2 * weight < total:
            yield at, weight / total, fan_outs[host]


def _wide(where: ObjectPath, weight: float, fan_out: FanOut) -> Iterator[Problem]:
    """Nothing where it is no surprise."""
    touched = fan_out.touched(weight)
    if touched < MUCH_MORE * weight:
        return
    bound = "" if fan_out.exact or fan_out.mean == int(fan_out.mean) else "up to "
    message = (
        f"{_percent(weight)} of the calls are {bound}{_percent(touched)} of users' requests: "
        f"each makes {fan_out.mean:.3g} calls"
    )
    enough = fan_out.percent(weight)
    less = f"{enough} % would touch {_percent(weight)} of them" if enough else "no weight touches so few"
    hint = f"{less}; or let all calls of one go the same way: annotation {sticky.ANNOTATION}"
    yield problem("TNO313", where, message, hint)


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.4g} %"
