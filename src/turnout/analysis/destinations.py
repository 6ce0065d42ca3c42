"""All that VirtualServices send requests or copies to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from turnout.problem import ObjectPath
from turnout.resources.destination_rule import DestinationRule
from turnout.resources.gateway import Gateway
from turnout.resources.virtual_service import Destination, HTTPRoute, TCPRoute, TLSRoute, VirtualService

NOWHERE = Destination()


def destinations(owner: VirtualService) -> Iterator[tuple[str, Destination]]:
    """Each with its path. A route without a destination leads to a host without a name, as for Istio."""
    layer4: tuple[tuple[str, Sequence[TCPRoute | TLSRoute]], ...] = (("tcp", owner.spec.tcp), ("tls", owner.spec.tls))
    for kind, routes in layer4:
        for index, route in enumerate(routes):
            for at, choice in enumerate(route.route):
                yield f"spec.{kind}[{index}].route[{at}].destination", choice.destination or NOWHERE
    for index, http in enumerate(owner.spec.http):
        for path, destination in http_destinations(http):
            yield f"spec.http[{index}].{path}", destination


def http_destinations(http: HTTPRoute) -> Iterator[tuple[str, Destination]]:
    """Those of one route: where requests go, then where copies go."""
    for at, choice in enumerate(http.route):
        yield f"route[{at}].destination", choice.destination or NOWHERE
    if http.mirror:
        yield "mirror", http.mirror
    for at, policy in enumerate(http.mirrors):
        yield f"mirrors[{at}].destination", policy.destination or NOWHERE


def where(owner: VirtualService | DestinationRule | Gateway, path: str) -> ObjectPath:
    """A field of one of Istio's objects."""
    return ObjectPath(type(owner).__name__, owner.metadata.namespace, owner.metadata.name, path)
