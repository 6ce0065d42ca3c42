"""ServiceEntries that Istio cannot tell apart, or cannot make anything of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from turnout.analysis.inventory import Inventory, Subject
from turnout.analysis.istio_codes import istio_problem
from turnout.analysis.visible_hosts import ALL, scopes
from turnout.problem import Problem
from turnout.resources.service_entry import ServiceEntry

ALLOCATED_BY = ("ISTIO_META_DNS_AUTO_ALLOCATE", "PILOT_ENABLE_IP_AUTOALLOCATE")

Claim = tuple[Subject, str]
"""A ServiceEntry, and the protocol it gives the port."""


def entry_addresses(inventory: Inventory) -> Iterator[Problem]:
    """IST0134: a TCP port is told from others by its address, unless Istio hands addresses out by itself."""
    if any(_allocates(subject.obj) for subject in inventory.subjects if subject.kind == "MeshConfig"):
        return
    for subject, entry in _entries(inventory):
        if entry.spec.addresses or _status(subject).get("addresses"):
            continue
        for index, port in enumerate(entry.spec.ports):
            if port.protocol.upper() in ("", "TCP"):
                message = f"port {port.number} speaks TCP, and there are no addresses to tell it by"
                hint = "set `addresses`, or say which protocol it is, such as TLS"
                yield istio_problem("IST0134", subject.where(f"spec.ports[{index}]"), message, hint)


def entry_protocols(inventory: Inventory) -> Iterator[Problem]:
    """IST0177, once for each ServiceEntry among those that some namespace sees together."""
    claims: dict[tuple[str, str, int], list[Claim]] = {}
    for subject, entry in _entries(inventory):
        for scope in scopes(entry.spec.export_to, subject.namespace):
            for host in entry.spec.hosts:
                for port in entry.spec.ports:
                    claims.setdefault((scope, host, port.number), []).append((subject, port.protocol.upper()))
    reported: set[int] = set()
    for (scope, host, number), own in claims.items():
        together = own if scope == ALL else [*own, *claims.get((ALL, host, number), ())]
        protocols = sorted({protocol for _, protocol in together})
        for subject, _ in together if len(protocols) > 1 else ():
            if id(subject) not in reported:
                reported.add(id(subject))
                listed = ", ".join(sorted({f"{other.namespace}/{other.name}" for other, _ in together}))
                message = f"{listed} give port {number} of {host} different protocols: {', '.join(protocols)}"
                hint = "give them one protocol, or export them to different namespaces"
                yield istio_problem("IST0177", subject.where("metadata.name"), message, hint)


def _entries(inventory: Inventory) -> Iterator[tuple[Subject, ServiceEntry]]:
    for subject in inventory.subjects:
        if isinstance(subject.resource, ServiceEntry):
            yield subject, subject.resource


def _status(subject: Subject) -> Mapping[str, Any]:
    status = subject.obj.get("status")
    return status if isinstance(status, Mapping) else {}


def _allocates(mesh_config: Mapping[str, Any]) -> bool:
    default = mesh_config.get("defaultConfig")
    metadata = default.get("proxyMetadata") if isinstance(default, Mapping) else None
    said: Mapping[str, Any] = metadata if isinstance(metadata, Mapping) else {}
    return said.get("ISTIO_META_DNS_CAPTURE") == "true" and any(said.get(key) == "true" for key in ALLOCATED_BY)
