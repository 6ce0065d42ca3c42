"""Istio's own table tests of its analysis, where the folder with them is at hand.

A row tells which codes its analyzer may report. Several analyzers report IST0101, and each row ran one of them only: so
the families of rules are run whose codes the row names, the largest where several fit. A code that the row expects
besides counts, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.conformance import rows

from turnout.analysis.analyze import FAMILIES
from turnout.analysis.inventory import Subject, inventory
from turnout.problem import ObjectPath
from turnout.resources.interpret import interpret
from turnout.resources.reader import read

TABLE = "analyze.json"
LEAST_SHARE = 0.9
NOW = datetime(2026, 1, 1, tzinfo=UTC)

WRONG: dict[str, str] = {}
"""Rows that are answered otherwise, by name, with the reason."""

_NO_RATINGS = "its objects lead to a Service `ratings` that no file has: IST0101 is right, and its analyzer ran alone"
TOGETHER: dict[str, str] = {
    "virtualServiceDestinationHosts": "hosts and subsets that no file has: IST0101 is right; its analyzer ran alone",
    "host defined in virtualservice not found in the gateway": _NO_RATINGS,
    "host defined in virtualservice not found in the gateway(beta version)": _NO_RATINGS,
    "host defined in virtualservice not found in the gateway with ns": _NO_RATINGS,
    "host defined in virtualservice not found in the gateway with ns(beta version)": _NO_RATINGS,
    "Route Rule no effect on Ingress": "expects IST0140, which is none of the codes that it asks for",
}
"""Rows that cannot be met by all analyzers at once, as `turnout check` and `istioctl analyze` run them."""

INGRESS = """\
apiVersion: v1
kind: Service
metadata: {name: istio-ingressgateway, namespace: istio-system, labels: {istio: ingressgateway}}
spec:
  selector: {istio: ingressgateway}
  ports:
    - {name: http2, port: 80, protocol: TCP}
    - {name: https, port: 443, protocol: TCP}
    - {name: tcp, port: 31400, protocol: TCP}
    - {name: tls, port: 15443, targetPort: 15443, protocol: TCP}
---
apiVersion: v1
kind: Pod
metadata: {name: istio-ingressgateway, namespace: istio-system, labels: {istio: ingressgateway}}
"""


def _subjects(row: dict[str, Any]) -> list[Subject]:
    texts = [("ingress.yaml", INGRESS), *((file["name"], file["yaml"]) for file in row["files"])]
    if row["mesh_config"]:
        texts.append(("mesh.yaml", "kind: MeshConfig\n" + row["mesh_config"]))
    objects = [document.data for name, text in texts for document in read(text, name)[0]]
    return [Subject(obj, interpret(obj).draft) for obj in objects]


def _found_together(row: dict[str, Any]) -> Counter[tuple[str, str]]:
    kept = inventory(_subjects(row), NOW)
    problems = dict.fromkeys(problem for family in FAMILIES for problem in family.rule(kept))
    return Counter((p.code, _name(p.where)) for p in problems if p.code in row["codes"])


def _found(row: dict[str, Any]) -> Counter[tuple[str, str]]:
    kept = inventory(_subjects(row), NOW)
    named, wanted = set(row["codes"]), {expected["code"] for expected in row["expected"]}
    codes = {family.rule: {c for c in family.codes if c.startswith("IST")} for family in FAMILIES}
    fitting = {rule: own for rule, own in codes.items() if own and own <= named | wanted}
    chosen = [rule for rule, own in fitting.items() if not any(own < other for other in fitting.values())]
    problems = [problem for rule in chosen for problem in rule(kept)]
    return Counter((p.code, _name(p.where)) for p in problems if p.code in named | wanted)


Answer = Callable[[dict[str, Any]], Counter[tuple[str, str]]]


def _name(where: object) -> str:
    assert isinstance(where, ObjectPath)
    kind = where.kind.partition(".")[0]
    return f"{kind} {where.namespace}/{where.name}" if where.namespace else f"{kind} {where.name}"


def _wrong(table: list[dict[str, Any]], answer: Answer = _found) -> dict[str, dict[str, Any]]:
    wrong = {}
    for row in table:
        found, expected = answer(row), Counter((e["code"], e["resource"]) for e in row["expected"])
        if found != expected:
            wrong[row["name"]] = {"missing": dict(expected - found), "too many": dict(found - expected)}
    return wrong


def test_nearly_all_objects_are_analyzed_as_istio_analyzes_them() -> None:
    table = rows(TABLE)
    wrong = _wrong(table)
    assert len(wrong) <= len(table) * (1 - LEAST_SHARE), wrong


def test_each_row_that_is_answered_otherwise_is_known_and_explained() -> None:
    wrong = _wrong(rows(TABLE))
    assert set(wrong) == set(WRONG), {name: wrong.get(name) for name in set(wrong) ^ set(WRONG)}


def test_all_analyzers_at_once_say_the_same_but_where_a_row_is_not_whole() -> None:
    wrong = _wrong(rows(TABLE), _found_together)
    assert set(wrong) == set(TOGETHER), {name: wrong.get(name) for name in set(wrong) ^ set(TOGETHER)}
