"""Istio's own table tests of its validation, where the folder with them is at hand."""

from __future__ import annotations

from typing import Any

from tests.conformance import rows

from turnout.problem import errors
from turnout.resources.interpret import interpret

TABLE = "validation.json"
LEAST_SHARE = 0.95

WRONG: dict[str, str] = {}
"""Rows that are judged otherwise, by id, with the reason; such as: the row's minimal parent itself breaks a rule."""


def _problems(row: dict[str, Any]) -> list[str]:
    obj = {
        "apiVersion": "networking.istio.io/v1",
        "kind": row["kind"],
        "metadata": {"name": "name", "namespace": "default"},
        "spec": row["spec"],
    }
    return [str(problem) for problem in errors(interpret(obj).problems)]


def _wrong(table: list[dict[str, Any]]) -> dict[str, list[str]]:
    judged = {row["id"]: (row["valid"], _problems(row)) for row in table}
    return {name: problems for name, (is_valid, problems) in judged.items() if is_valid == bool(problems)}


def test_nearly_all_objects_are_judged_as_istio_judges_them() -> None:
    table = rows(TABLE)
    wrong = _wrong(table)
    assert len(wrong) <= len(table) * (1 - LEAST_SHARE), wrong


def test_each_object_that_is_judged_otherwise_is_known_and_explained() -> None:
    wrong = _wrong(rows(TABLE))
    assert set(wrong) == set(WRONG), {name: wrong.get(name) for name in set(wrong) ^ set(WRONG)}
