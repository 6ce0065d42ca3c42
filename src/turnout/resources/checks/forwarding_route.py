"""TCPRoute and TLSRoute, as the schema of Gateway API has them."""

from __future__ import annotations

from collections.abc import Sequence

from turnout.resources.checks.gateway_reference import check_backends, check_hostnames, check_parents
from turnout.resources.checks.value import check_unique
from turnout.resources.finding import Findings
from turnout.resources.forwarding_route import ForwardingRule, TCPRoute, TLSRoute
from turnout.resources.layout import Path

MOST_RULES = 16


def check_tcp_route(resource: TCPRoute, findings: Findings) -> None:
    check_parents(resource.spec.parent_refs, findings)
    _check_rules(resource.spec.rules, findings)


def check_tls_route(resource: TLSRoute, findings: Findings) -> None:
    check_parents(resource.spec.parent_refs, findings)
    check_hostnames(resource.spec.hostnames, findings)
    _check_rules(resource.spec.rules, findings)


def _check_rules(rules: Sequence[ForwardingRule], findings: Findings) -> None:
    at: Path = ("spec", "rules")
    if not rules:
        findings.add("TNO110", at, "a route must have a rule")
    if len(rules) > MOST_RULES:
        findings.add("TNO172", at, f"{len(rules)} rules; Gateway API allows {MOST_RULES}")
    check_unique((rule.name for rule in rules), at, "name", "the name", findings)
    for number, rule in enumerate(rules):
        if not rule.backend_refs:
            findings.add("TNO110", (*at, number), "a rule must have `backendRefs`")
        check_backends(rule.backend_refs, (*at, number, "backendRefs"), findings)
        if number:
            message = "no effect here, nor in Istio: nothing tells connections of this rule from those of the first"
            findings.add("TNO173", (*at, number), message, "one rule takes all connections: list its backends there")
