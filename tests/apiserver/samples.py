from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from turnout.apiserver.store import OBJECTS, Store
from turnout.database import Database
from turnout.problem import ObjectPath, Problem, Severity

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def admit(obj: Mapping[str, Any]) -> Sequence[Problem]:
    """A stand-in for validation: `spec.error` and `spec.warning` say what is wrong."""
    where = ObjectPath(obj["kind"], "", obj["metadata"]["name"], "spec.http[0]")
    spec = obj.get("spec") or {}
    found = [(severity, spec[severity]) for severity in (Severity.ERROR, Severity.WARNING) if severity in spec]
    return [Problem("TNO999", severity, message, where, "try again") for severity, message in found]


def open_store(path: Path) -> tuple[Database, Store]:
    database = Database(path, [OBJECTS])
    return database, Store(database, admit=admit, now=lambda: NOW)


def virtual_service(name: str = "cluster", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default"}, "spec": spec or {"hosts": ["a"]}}
