"""Hosts that several VirtualServices speak for on the mesh, where only one can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from turnout.analysis.destinations import where
from turnout.analysis.inventory import Inventory
from turnout.analysis.istio_codes import istio_problem
from turnout.analysis.visible_hosts import ALL, scopes
from turnout.mesh import names
from turnout.mesh.binding import gateways_of
from turnout.problem import Problem
from turnout.resources.virtual_service import VirtualService

Claim = tuple[VirtualService, int]
"""A VirtualService, and which of its hosts."""


def contested_hosts(inventory: Inventory) -> Iterator[Problem]:
    """IST0109, once for each VirtualService among those that some namespace sees together.

    What is seen in one namespace only competes with what all see also where wildcards overlap, as in Istio's analysis.
    """
    claims = _claims(inventory)
    common = {host: own for (scope, host), own in claims.items() if scope == ALL}
    rivals: dict[int, tuple[Claim, str, dict[int, VirtualService]]] = {}
    for (scope, host), own in claims.items():
        together = own if scope == ALL else [*own, *_seen_by_all(common, host)]
        others = {id(owner): owner for owner, _ in together}
        if len(others) > 1:
            for claim in together:
                known = rivals.setdefault(id(claim[0]), (claim, host, {}))
                known[2].update(others)
    order = {id(owner): at for at, owner in enumerate(inventory.mesh.virtual_services)}
    for claim, host, others in sorted(rivals.values(), key=lambda found: order[id(found[0][0])]):
        yield _contested(claim, host, sorted(others.values(), key=lambda owner: order[id(owner)]))


def _claims(inventory: Inventory) -> dict[tuple[str, str], list[Claim]]:
    """By the namespace that sees it, and the host."""
    found: dict[tuple[str, str], list[Claim]] = {}
    for owner in inventory.mesh.virtual_services:
        if names.MESH not in gateways_of(owner):
            continue
        for index, written in enumerate(owner.spec.hosts):
            host = names.fqdn(written, owner.metadata.namespace)
            for scope in scopes(owner.spec.export_to, owner.metadata.namespace):
                found.setdefault((scope, host), []).append((owner, index))
    return found


def _seen_by_all(common: Mapping[str, list[Claim]], host: str) -> list[Claim]:
    return [claim for other, found in common.items() if names.narrower(host, other) for claim in found]


def _contested(claim: Claim, host: str, rivals: list[VirtualService]) -> Problem:
    """`rivals`: in the order in which they compete."""
    owner, index = claim
    listed = ", ".join(f"{vs.metadata.namespace}/{vs.metadata.name}" for vs in rivals)
    message = f'The VirtualServices {listed} define the same host "{host}" on the mesh: only the first counts'
    hint = "merge them, or bind all but one to gateways only"
    return istio_problem("IST0109", where(owner, f"spec.hosts[{index}]"), message, hint)
