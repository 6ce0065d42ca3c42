"""Header values with variables that Envoy does not have."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.analysis.destinations import where
from turnout.analysis.inventory import Inventory
from turnout.problem import Problem
from turnout.resources.codes import problem
from turnout.resources.finding import dotted
from turnout.resources.header_variable import variable_fault
from turnout.resources.layout import Path
from turnout.resources.virtual_service import HeaderOperations, Headers, VirtualService


def unknown_variables(inventory: Inventory) -> Iterator[Problem]:
    """TNO305: header values with variables that Envoy does not have."""
    for owner in inventory.mesh.virtual_services:
        for index, http in enumerate(owner.spec.http):
            headers: list[tuple[Path, Headers | None]] = [(("spec", "http", index, "headers"), http.headers)]
            headers += [(("spec", "http", index, "route", at, "headers"), c.headers) for at, c in enumerate(http.route)]
            for path, operations in headers:
                yield from _variables(owner, path, operations)


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
