"""Everything that is wrong with what files hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from turnout.analysis.analyze import analyze, local_findings
from turnout.analysis.inventory import WORKLOAD_KINDS, Subject, inventory
from turnout.delivery.blast_radius import FanOut
from turnout.delivery.wide_splits import stated, wide_splits
from turnout.inputs.survey import Survey
from turnout.mesh.proxy import GATEWAY_NAMESPACE, GATEWAY_WORKLOAD
from turnout.problem import ObjectPath, Place, Problem, Severity, errors
from turnout.resources.interpret import interpret

ABOUT_PODS: Final = frozenset(("IST0173", "TNO303"))
"""What nothing can be said of where files hold no workload at all: those are elsewhere."""

INGRESS_PORTS: Final = (80, 8080, 443, 8443, 31400, 15443)
"""Of Istio's own gateway: those of its Service, and those that its pods listen on."""

_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """`owner`: `Kind namespace/name`; empty where a file cannot be read."""

    problem: Problem
    place: Place
    owner: str = ""


def check(
    found: Survey,
    now: datetime,
    *,
    local: bool = False,
    ignore: frozenset[str] = frozenset(),
    measured: Mapping[str, FanOut] | None = None,
    live: Sequence[Subject] = (),
) -> list[Finding]:
    """Findings by file and line. `local`: also what would have no effect here. `ignore`: codes that are left out.

    `measured`: how often users' requests call services, by host; it counts for more than what Services say.

    `live`: what is on a cluster, where what files hold takes its place; nothing is told of it, but of what it makes
    of the files. As with `istioctl analyze`, Istio's own gateway is there even if no file says so.
    """
    written = [entry.subject for entry in found.entries]
    subjects = [*written, *beside(written, live)]
    kept = inventory([*subjects, *_ingress(subjects)], now)
    problems = [*analyze(kept), *(local_findings(kept) if local else ())]
    problems += wide_splits(kept, stated(kept) | dict(measured or {}))
    if not any(subject.kind == "Pod" or subject.kind in WORKLOAD_KINDS for subject in subjects):
        ignore |= ABOUT_PODS
    if not any(subject.kind == "Secret" for subject in subjects):
        problems = [problem for problem in problems if not _is_about_secret(problem)]
    all_found = [*found.problems, *found.located(problems)]
    broken = {problem.where for problem in errors(problem for problem, _ in found.problems)}
    findings = []
    for problem, entry in all_found:
        again = problem.code.startswith("IST") and problem.where in broken  # a field that is wrong by itself
        if problem.code not in ignore and not again and isinstance(problem.where, Place):
            findings.append(Finding(problem, problem.where, str(entry.subject.where()) if entry else ""))
    return sorted(dict.fromkeys(findings), key=_rank)


def beside(written: Iterable[Subject], live: Iterable[Subject]) -> list[Subject]:
    """What stays on a cluster of its objects when files are applied."""
    names = {subject.where() for subject in written}
    return [subject for subject in live if subject.where() not in names]


def _is_about_secret(problem: Problem) -> bool:
    """Who keeps no Secret in files has them elsewhere."""
    return isinstance(problem.where, ObjectPath) and problem.where.path.endswith(".credentialName")


def _rank(finding: Finding) -> tuple[Place, int, str]:
    return finding.place, _ORDER[finding.problem.severity], finding.problem.code


def _ingress(subjects: list[Subject]) -> list[Subject]:
    """Service and pod of Istio's gateway, as its installation makes them."""
    labels = {"istio": "ingressgateway"}
    if any(labels.items() <= subject.labels("metadata", "labels").items() for subject in subjects):
        return []
    meta = {"name": GATEWAY_WORKLOAD, "namespace": GATEWAY_NAMESPACE, "labels": labels}
    ports = [{"name": f"port-{port}", "port": port} for port in INGRESS_PORTS]
    objects = (
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": labels, "ports": ports}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": meta},
    )
    return [Subject(obj, interpret(obj).draft) for obj in objects]
