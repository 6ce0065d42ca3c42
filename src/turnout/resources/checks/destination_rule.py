"""DestinationRule: its host, subsets and selector. What a policy may say is in traffic_policy.py."""

from __future__ import annotations

from turnout.resources.checks.destination import check_subset_name
from turnout.resources.checks.metadata import check_labels
from turnout.resources.checks.traffic_policy import check_traffic_policy
from turnout.resources.checks.value import check_export_to, check_selector, check_unique
from turnout.resources.destination_rule import DestinationRule, DestinationRuleSpec
from turnout.resources.finding import Findings
from turnout.resources.host import host_fault
from turnout.resources.layout import Path


def check_destination_rule(resource: DestinationRule, findings: Findings) -> None:
    spec, namespace = resource.spec, resource.metadata.namespace
    if fault := host_fault(spec.host):
        findings.add("TNO103", ("spec", "host"), fault)
    if spec.traffic_policy is not None:
        check_traffic_policy(spec.traffic_policy, namespace, ("spec", "trafficPolicy"), findings)
    subsets: Path = ("spec", "subsets")
    check_unique((subset.name for subset in spec.subsets), subsets, "name", "the subset name", findings)
    for number, subset in enumerate(spec.subsets):
        check_subset_name(subset.name, (*subsets, number, "name"), findings)
        check_labels(subset.labels, (*subsets, number, "labels"), findings)
        if subset.traffic_policy is not None:
            check_traffic_policy(subset.traffic_policy, namespace, (*subsets, number, "trafficPolicy"), findings)
    check_export_to(spec.export_to, namespace, findings)
    _check_selector(spec, namespace, findings)


def _check_selector(spec: DestinationRuleSpec, namespace: str, findings: Findings) -> None:
    selector = spec.workload_selector
    if selector is None:
        return
    check_selector(selector.match_labels, ("spec", "workloadSelector", "matchLabels"), findings)
    if any(target not in (".", namespace) for target in spec.export_to) or len(spec.export_to) > 1:
        hint = "set `exportTo: [.]`, or leave it out"
        findings.add("TNO128", ("spec", "exportTo"), "with a workload selector the rule stays in its namespace", hint)
