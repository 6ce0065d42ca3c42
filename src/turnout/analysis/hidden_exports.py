"""VirtualServices that the gateway they are bound to does not see."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.analysis.destinations import where
from turnout.analysis.inventory import Inventory
from turnout.mesh import names
from turnout.mesh.binding import gateways_of
from turnout.mesh.proxy import GATEWAY_NAMESPACE
from turnout.problem import Problem
from turnout.resources.codes import problem


def out_of_reach(inventory: Inventory) -> Iterator[Problem]:
    """TNO304: bound to a gateway that, in its own namespace, does not see the VirtualService."""
    for owner in inventory.mesh.virtual_services:
        scopes, own = owner.spec.export_to, owner.metadata.namespace
        if set(gateways_of(owner)) - {names.MESH} and not names.exported(scopes, own, GATEWAY_NAMESPACE):
            message = f"exportTo hides it from the gateway, which is in namespace {GATEWAY_NAMESPACE}"
            yield problem("TNO304", where(owner, "spec.exportTo"), message)
