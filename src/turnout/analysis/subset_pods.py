"""DestinationRules about hosts that do not exist, and subsets that select no pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from turnout.analysis.destinations import where
from turnout.analysis.hint import hint_for
from turnout.analysis.inventory import Inventory
from turnout.analysis.istio_codes import istio_problem
from turnout.analysis.visible_hosts import VisibleHost
from turnout.mesh import names
from turnout.problem import Problem
from turnout.resources.destination_rule import DestinationRule


def unknown_hosts(inventory: Inventory) -> Iterator[Problem]:
    """IST0174. A wildcard is about whatever it covers."""
    for rule in inventory.mesh.destination_rules:
        if _host(inventory, rule) is None and not _covers_any(inventory, rule):
            known = inventory.hosts.names(rule.metadata.namespace)
            message = f'The host "{rule.spec.host}" is not known'
            yield istio_problem(
                "IST0174", where(rule, "spec.host"), message, hint_for(rule.spec.host, known, "Services")
            )


def subset_pods(inventory: Inventory) -> Iterator[Problem]:
    """IST0173: no pod has the labels of a subset, together with those that its Service asks for."""
    index = _by_label(inventory)
    for rule in inventory.mesh.destination_rules:
        host = _host(inventory, rule)
        for at, subset in enumerate(rule.spec.subsets if host else ()):
            assert host is not None
            wanted = {**host.selector, **subset.labels}
            endpoints = any(wanted.items() <= labels.items() for labels in host.endpoints)
            if not endpoints and not _anybody(index, wanted):
                labels = ", ".join(f"{key}={value}" for key, value in sorted(wanted.items()))
                message = f"the subset {subset.name} of {rule.spec.host} selects no pods: none is labelled {labels}"
                hint = "requests to it get 503 (flag UH) until pods with these labels run"
                yield istio_problem("IST0173", where(rule, f"spec.subsets[{at}]"), message, hint)


def _host(inventory: Inventory, rule: DestinationRule) -> VisibleHost | None:
    return inventory.hosts.find(rule.metadata.namespace, rule.spec.export_to, rule.spec.host)


def _covers_any(inventory: Inventory, rule: DestinationRule) -> bool:
    host = rule.spec.host
    return "*" in host and any(names.host_matches(host, known) for known in inventory.mesh.services)


Index = Mapping[tuple[str, str], list[Mapping[str, str]]]


def _by_label(inventory: Inventory) -> Index:
    """Pods by each label: so that a thousand subsets do not ask a thousand pods."""
    found: dict[tuple[str, str], list[Mapping[str, str]]] = {("", ""): [pod.labels for pod in inventory.pods]}
    for pod in inventory.pods:
        for label in pod.labels.items():
            found.setdefault(label, []).append(pod.labels)
    return found


def _anybody(index: Index, wanted: Mapping[str, str]) -> bool:
    fewest = min((index.get(label, []) for label in wanted.items()), key=len, default=index["", ""])
    return any(wanted.items() <= labels.items() for labels in fewest)
