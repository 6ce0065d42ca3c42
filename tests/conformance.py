"""Istio's own table tests, where the folder with them is at hand: beside the project's own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).parents[2] / "shared" / "conformance"


def rows(name: str) -> list[dict[str, Any]]:
    """A table's; without it the test is skipped, or fails where everything is required."""
    table = _FOLDER / name
    if not table.exists():
        if os.environ.get("TURNOUT_REQUIRE_ALL") == "1":
            pytest.fail(f"{table} is missing, and TURNOUT_REQUIRE_ALL=1 forbids skipping")
        pytest.skip(f"{table} is missing: conformance with Istio is not tested here")
    found: list[dict[str, Any]] = json.loads(table.read_text(encoding="utf-8"))
    return found
