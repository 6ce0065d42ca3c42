"""ServiceEntries for a host that something else speaks for already."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.analysis.inventory import Inventory
from turnout.mesh.service_entry import differences
from turnout.problem import ObjectPath, Problem
from turnout.resources.codes import problem
from turnout.resources.service_entry import ServiceEntry

HINT = "Istio adds up ports and endpoints only where namespace, resolution, labels, workloadSelector and exportTo agree"


def contested_entries(inventory: Inventory) -> Iterator[Problem]:
    """TNO314: the host of an entry that does not count, for an older one's does, or a Service's."""
    entries = {(e.metadata.namespace, e.metadata.name): e for e in inventory.of(ServiceEntry)}
    for entry in entries.values():
        for at, host in enumerate(entry.spec.hosts):
            speaker = inventory.mesh.services.get(host.lower())
            if speaker is None:
                continue
            speaking = {(each.namespace, each.entry_name) for each in (speaker, *speaker.more)}
            if (entry.metadata.namespace, entry.metadata.name) not in speaking:
                older = entries.get((speaker.namespace, speaker.entry_name))
                yield _left_to(entry, at, speaker.owner, differences(older, entry) if older else [])


def _left_to(entry: ServiceEntry, at: int, owner: ObjectPath, differing: list[str]) -> Problem:
    where = ObjectPath("ServiceEntry", entry.metadata.namespace, entry.metadata.name, f"spec.hosts[{at}]")
    why = f", which has another {', '.join(differing)}" if differing else ""
    message = f"the host {entry.spec.hosts[at]} is left to {owner.kind} {owner.namespace}/{owner.name}{why}"
    return problem("TNO314", where, message, HINT if differing else None)
