"""Faults of single objects under istioctl's codes, which are two; Turnout's own say which fault it is."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.analysis.inventory import Inventory
from turnout.analysis.istio_codes import istio_problem
from turnout.problem import ObjectPath, Problem, Severity
from turnout.resources.interpret import interpret
from turnout.resources.kinds import ISTIO

OF_ONE_OBJECT = ("TNO0", "TNO1")
"""How codes begin that are about the form and the meaning of one object."""
UNKNOWN_KIND = "TNO011"
"""Istio knows more kinds."""


def schema(inventory: Inventory) -> Iterator[Problem]:
    """IST0106 for every error in one of Istio's objects, IST0133 for every warning."""
    for subject in inventory.subjects:
        for fault in interpret(subject.obj).problems if subject.group == ISTIO else ():
            code = istio_code(fault)
            if code and isinstance(fault.where, ObjectPath):
                yield istio_problem(code, fault.where, f"{fault.message} [{fault.code}]", fault.hint)


def istio_code(problem: Problem) -> str:
    """What istioctl would call a finding; empty for what it does not look at."""
    if problem.code.startswith("IST"):
        return problem.code
    if not problem.code.startswith(OF_ONE_OBJECT) or problem.code == UNKNOWN_KIND:
        return ""
    return "IST0106" if problem.severity is Severity.ERROR else "IST0133"
