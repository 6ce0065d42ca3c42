"""TNO311: routes that are delegated and left out."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.analysis.inventory import Inventory
from turnout.mesh.delegation import lost
from turnout.problem import Problem


def lost_delegates(inventory: Inventory) -> Iterator[Problem]:
    """Delegates that are not there, and routes of delegates that are left out because they let in too much."""
    owners = inventory.mesh.virtual_services
    known = {(each.metadata.namespace, each.metadata.name): each for each in owners}
    for owner in owners:
        yield from lost(owner, known)
