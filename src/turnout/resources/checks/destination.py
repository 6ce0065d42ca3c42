"""Where traffic goes: destinations, their weights, and copies of traffic."""

from __future__ import annotations

from collections.abc import Sequence

from turnout.resources.checks.header import check_headers
from turnout.resources.checks.value import check_percent, check_port
from turnout.resources.finding import Findings
from turnout.resources.host import host_fault
from turnout.resources.layout import Path
from turnout.resources.name import is_host_label
from turnout.resources.spelling import shown
from turnout.resources.virtual_service import (
    Destination,
    HTTPMirrorPolicy,
    HTTPRoute,
    HTTPRouteDestination,
    RouteDestination,
)


def check_destinations(
    destinations: Sequence[HTTPRouteDestination | RouteDestination], at: Path, findings: Findings
) -> None:
    """One destination takes everything, whatever its weight; several share by weight, and somebody has to have some."""
    for number, item in enumerate(destinations):
        here: Path = (*at, number)
        if item.destination is None:
            findings.add("TNO113", here, "destination is required", "write `destination: {host: …}`")
        check_destination(item.destination, (*here, "destination"), findings)
        if item.weight < 0:
            findings.add("TNO112", (*here, "weight"), f"weight {item.weight} < 0", "a weight is 0 or more")
        if isinstance(item, HTTPRouteDestination):
            check_headers(item.headers, (*here, "headers"), findings)
    if len(destinations) > 1 and sum(item.weight for item in destinations) == 0:
        hint = "give at least one of the destinations a `weight` above 0"
        findings.add("TNO112", at, "total destination weight = 0", hint)


def check_destination(destination: Destination | None, at: Path, findings: Findings) -> None:
    if destination is None:
        return
    if destination.host == "*":
        findings.add("TNO113", (*at, "host"), "the host of a destination cannot be *")
    elif fault := host_fault(destination.host):
        findings.add("TNO113", (*at, "host"), f"invalid destination: {fault}")
    if destination.subset:
        check_subset_name(destination.subset, (*at, "subset"), findings)
    if destination.port is not None:
        check_port(destination.port.number, (*at, "port", "number"), findings)


def check_subset_name(name: str, at: Path, findings: Findings) -> None:
    if not name:
        findings.add("TNO101", at, "the name of the subset is empty")
    elif not is_host_label(name):
        findings.add("TNO101", at, f"{shown(name)} cannot be the name of a subset", "use letters, digits and `-`")


def check_mirrors(route: HTTPRoute, at: Path, findings: Findings) -> None:
    check_destination(route.mirror, (*at, "mirror"), findings)
    if route.mirror_percent is not None:
        check_percent(route.mirror_percent, (*at, "mirrorPercent"), findings)
        findings.add(
            "TNO131", (*at, "mirrorPercent"), "mirrorPercent is deprecated", "use `mirrorPercentage: {value: …}`"
        )
    if route.mirror_percentage is not None:
        check_percent(route.mirror_percentage.value, (*at, "mirrorPercentage", "value"), findings)
    for number, mirror in enumerate(route.mirrors):
        _check_mirror(mirror, (*at, "mirrors", number), findings)


def _check_mirror(mirror: HTTPMirrorPolicy, at: Path, findings: Findings) -> None:
    if mirror.destination is None:
        findings.add("TNO113", at, "destination is required for mirrors")
    check_destination(mirror.destination, (*at, "destination"), findings)
    if mirror.percentage is not None:
        check_percent(mirror.percentage.value, (*at, "percentage", "value"), findings)
