"""Turnout's own findings about VirtualServices: what is allowed, does what it says, and is hardly meant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from turnout.analysis.destinations import where
from turnout.analysis.inventory import Inventory
from turnout.mesh import names
from turnout.mesh.gateway_hosts import gateways_of
from turnout.mesh.proxy import GATEWAY_NAMESPACE
from turnout.problem import Problem
from turnout.resources.codes import problem
from turnout.resources.finding import dotted
from turnout.resources.header_variable import variable_fault
from turnout.resources.layout import Path
from turnout.resources.virtual_service import HeaderOperations, Headers, HTTPRoute, HTTPRouteDestination, VirtualService

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def mirrored_writes(inventory: Inventory) -> Iterator[Problem]:
    """TNO301: copies of requests that change data."""
    for owner in inventory.mesh.virtual_services:
        for index, http in enumerate(owner.spec.http):
            if (http.mirror or http.mirrors) and not _is_safe(http):
                place = where(owner, f"spec.http[{index}].{'mirror' if http.mirror else 'mirrors'}")
                hint = "limit the route to safe methods: `turnout mirror SERVICE --to SUBSET --methods GET,HEAD`"
                yield problem("TNO301", place, "requests that change data are mirrored too", hint)


def out_of_reach(inventory: Inventory) -> Iterator[Problem]:
    """TNO304: bound to a gateway that, in its own namespace, does not see the VirtualService."""
    for owner in inventory.mesh.virtual_services:
        scopes, own = owner.spec.export_to, owner.metadata.namespace
        if set(gateways_of(owner)) - {names.MESH} and not names.exported(scopes, own, GATEWAY_NAMESPACE):
            message = f"exportTo hides it from the gateway, which is in namespace {GATEWAY_NAMESPACE}"
            yield problem("TNO304", where(owner, "spec.exportTo"), message)


def unknown_variables(inventory: Inventory) -> Iterator[Problem]:
    """TNO305: header values with variables that Envoy does not have."""
    for owner in inventory.mesh.virtual_services:
        for index, http in enumerate(owner.spec.http):
            headers: list[tuple[Path, Headers | None]] = [(("spec", "http", index, "headers"), http.headers)]
            headers += [(("spec", "http", index, "route", at, "headers"), c.headers) for at, c in enumerate(http.route)]
            for path, operations in headers:
                yield from _variables(owner, path, operations)


def slow_retries(inventory: Inventory) -> Iterator[Problem]:
    """TNO309: retries that the timeout of the whole does not leave room for. Pauses between them come on top."""
    for owner in inventory.mesh.virtual_services:
        for index, http in enumerate(owner.spec.http):
            retries, whole = http.retries, http.timeout
            each = retries.per_try_timeout if retries else None
            if retries is None or each is None or not whole:
                continue
            tries = retries.attempts + 1
            if retries.attempts > 0 and tries * each > whole:
                fit = whole // each
                message = (
                    f"{tries} tries of {_seconds(each)} do not fit into the timeout of {_seconds(whole)}: "
                    f"{'no try' if not fit else f'only {fit}'} can take its time"
                )
                hint = f"raise timeout to {_seconds(tries * each)}, or lower perTryTimeout or attempts"
                yield problem("TNO309", where(owner, f"spec.http[{index}].retries"), message, hint)


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


def _is_safe(http: HTTPRoute) -> bool:
    methods = [match.method.exact if match.method else None for match in http.match] or [None]
    return all(method in SAFE_METHODS for method in methods)


def _variables(owner: VirtualService, path: Path, operations: Headers | None) -> Iterator[Problem]:
    for place, value in _header_values(path, operations):
        if fault := variable_fault(value):
            yield problem("TNO305", where(owner, dotted(place)), fault)


def _header_values(path: Path, headers: Headers | None) -> Iterator[tuple[Path, str]]:
    for side in ("request", "response"):
        operations: HeaderOperations | None = getattr(headers, side, None)
        for verb in ("set", "add") if operations else ():
            for name, value in getattr(operations, verb).items():
                yield (*path, side, verb, name), value


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():g}s"
