"""All rules, and who they are for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from turnout.analysis import local, service_entries, subset_pods
from turnout.analysis.conditions import conditions
from turnout.analysis.contested_entries import contested_entries
from turnout.analysis.contested_hosts import contested_hosts
from turnout.analysis.deployment_services import deployment_services
from turnout.analysis.destination_hosts import destination_hosts
from turnout.analysis.gateway_conflicts import gateway_conflicts, shared_certificates
from turnout.analysis.gateway_credentials import gateway_credentials
from turnout.analysis.gateway_ports import gateway_ports
from turnout.analysis.gateway_references import gateway_references
from turnout.analysis.gateway_routes import gateway_routes
from turnout.analysis.header_values import unknown_variables
from turnout.analysis.hidden_exports import out_of_reach
from turnout.analysis.idle_subsets import idle_subsets
from turnout.analysis.idle_weights import idle_weights
from turnout.analysis.ingress_subsets import ingress_subsets
from turnout.analysis.inventory import Inventory, Subject
from turnout.analysis.lost_delegates import lost_delegates
from turnout.analysis.mirrored_writes import mirrored_writes
from turnout.analysis.schema import schema
from turnout.analysis.service_ports import service_ports
from turnout.analysis.slow_retries import slow_retries
from turnout.analysis.subset_references import subset_references
from turnout.analysis.tls_verification import tls_verification
from turnout.analysis.token_claims import token_claims
from turnout.analysis.unreachable_rules import unreachable_rules
from turnout.mesh.mesh import Mesh
from turnout.problem import Problem, Severity, errors


@dataclass(frozen=True, slots=True)
class Family:
    """Rules that look at the same things. `codes`: all that they may report."""

    codes: frozenset[str]
    rule: Callable[[Inventory], Iterable[Problem]]


def _family(rule: Callable[[Inventory], Iterable[Problem]], *codes: str) -> Family:
    return Family(frozenset(codes), rule)


_ROUTING = (
    _family(gateway_references, "IST0101", "IST0132", "IST0165"),
    _family(destination_hosts, "IST0101", "IST0112"),
    _family(subset_references, "IST0101", "TNO307"),
    _family(contested_hosts, "IST0109"),
    _family(contested_entries, "TNO314"),
    _family(unreachable_rules, "IST0130", "IST0131", "TNO308"),
    _family(mirrored_writes, "TNO301"),
    _family(unknown_variables, "TNO305"),
    _family(lost_delegates, "TNO311"),
    _family(slow_retries, "TNO309"),
    _family(idle_weights, "TNO310"),
    _family(subset_pods.unknown_hosts, "IST0174"),
    _family(gateway_routes, "TNO330", "TNO331"),
)
"""True wherever the objects are applied."""

_CLUSTER = (
    _family(gateway_ports, "IST0101", "IST0162"),
    _family(gateway_credentials, "IST0101", "IST0161", "TNO321"),
    _family(gateway_conflicts, "IST0145"),
    _family(shared_certificates, "IST0138"),
    _family(ingress_subsets, "IST0140"),
    _family(tls_verification, "IST0128", "IST0129"),
    _family(service_ports, "IST0118", "IST0150"),
    _family(deployment_services, "IST0116", "IST0137"),
    _family(subset_pods.subset_pods, "IST0173"),
    _family(service_entries.entry_addresses, "IST0134"),
    _family(service_entries.entry_protocols, "IST0177"),
    _family(token_claims, "IST0149"),
    _family(conditions, "IST0171"),
)
"""About sidecars, a gateway's pods and Services, waypoints: there are none on one machine."""

_LOCAL = (
    _family(out_of_reach, "TNO304"),
    _family(local.rollouts, "TNO306"),
    _family(local.unserved, "TNO320", "TNO321", "TNO322"),
    _family(local.passed_over, "TNO302"),
    _family(local.empty_services, "TNO303"),
    _family(idle_subsets, "TNO312"),
)
"""About what runs here."""

_SCHEMA = (_family(schema, "IST0106", "IST0133"),)
"""What reading the objects has told already, in other words."""

_HARMLESS_HERE = frozenset(("IST0112",))
"""The port that the request was sent to counts, and mostly is the service's: an error would stop a sound project."""

CODES_HERE = frozenset(code for family in (*_ROUTING, *_LOCAL) for code in family.codes) - _HARMLESS_HERE
"""What `findings` may report."""

FAMILIES = (*_ROUTING, *_CLUSTER, *_LOCAL, *_SCHEMA)


def analyze(inventory: Inventory) -> list[Problem]:
    """What somebody who applies these objects to a cluster would want to be told."""
    return _found(inventory, (*_ROUTING, *_CLUSTER))


def findings(resources: Iterable[object], mesh: Mesh) -> list[Problem]:
    """What somebody who runs these objects here would want to be told, once for each place. `mesh`: made of them."""
    subjects = tuple(Subject({}, resource) for resource in resources)  # type: ignore[arg-type] # other kinds do no harm
    found = _found(Inventory(subjects, mesh), (*_ROUTING, *_LOCAL))
    wrong = {problem.where for problem in errors(found)}
    kept = (p for p in found if p.severity is Severity.ERROR or p.where not in wrong)
    return [problem for problem in kept if problem.code in CODES_HERE]


def local_findings(inventory: Inventory) -> list[Problem]:
    """What would have no effect here, or nothing behind it."""
    return _found(inventory, _LOCAL)


def _found(inventory: Inventory, families: Iterable[Family]) -> list[Problem]:
    """Each finding once: two rules may come upon the same."""
    return list(dict.fromkeys(problem for family in families for problem in family.rule(inventory)))
