"""Istio's own table tests of its validation, where the folder with them is at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from turnout.problem import errors
from turnout.resources.interpret import interpret

CASES = Path(__file__).parents[3] / "shared" / "conformance" / "validation.json"
LEAST_SHARE = 0.95

WRONG: dict[str, str] = {}
"""Rows that are judged otherwise, by id, with the reason; such as: the row's minimal parent itself breaks a rule."""


def _rows() -> list[dict[str, Any]]:
    if not CASES.exists():
        if os.environ.get("TURNOUT_REQUIRE_ALL") == "1":
            pytest.fail(f"{CASES} is missing, and TURNOUT_REQUIRE_ALL=1 forbids skipping")
        pytest.skip(f"{CASES} is missing: conformance with Istio's validation is not tested here")
    rows: list[dict[str, Any]] = json.loads(CASES.read_text(encoding="utf-8"))
    return rows


def _problems(row: dict[str, Any]) -> list[str]:
    obj = {
        "apiVersion": "networking.istio.io/v1",
        "kind": row["kind"],
        "metadata": {"name": "name", "namespace": "default"},
        "spec": row["spec"],
    }
    return [str(problem) for problem in errors(interpret(obj).problems)]


def _wrong(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    judged = {row["id"]: (row["valid"], _problems(row)) for row in rows}
    return {name: problems for name, (is_valid, problems) in judged.items() if is_valid == bool(problems)}


def test_nearly_all_objects_are_judged_as_istio_judges_them() -> None:
    rows = _rows()
    wrong = _wrong(rows)
    assert len(wrong) <= len(rows) * (1 - LEAST_SHARE), wrong


def test_each_object_that_is_judged_otherwise_is_known_and_explained() -> None:
    wrong = _wrong(_rows())
    assert set(wrong) == set(WRONG), {name: wrong.get(name) for name in set(wrong) ^ set(WRONG)}
