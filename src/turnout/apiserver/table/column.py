"""One column of a table, and the words for how long ago something was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Object = Mapping[str, Any]
Cell = str | int

NONE = "<none>"
UNKNOWN = "<unknown>"


@dataclass(frozen=True, slots=True)
class Column:
    """`read` makes the cell of an object at a time. `wide`: shown by `-o wide` only."""

    name: str
    read: Callable[[Object, datetime], Cell]
    description: str = ""
    type: str = "string"
    wide: bool = False

    def definition(self) -> dict[str, Any]:
        """As a Table has it."""
        format_ = "name" if self.name == "Name" else ""
        return {
            "name": self.name,
            "type": self.type,
            "format": format_,
            "description": self.description or self.name,
            "priority": int(self.wide),
        }


def at(obj: Any, path: str) -> Any:
    """What stands at `spec.http.0.name`; None where there is none."""
    for part in path.split("."):
        if isinstance(obj, Mapping):
            obj = obj.get(part)
        elif isinstance(obj, list) and part.isdecimal() and int(part) < len(obj):
            obj = obj[int(part)]
        else:
            return None
    return obj


def text(name: str, path: str, description: str = "", *, wide: bool = False, default: str = "") -> Column:
    """The value at a path: texts as they are, what is nested as JSON, as a CRD's printer columns show it."""

    def read(obj: Object, now: datetime) -> Cell:
        value = at(obj, path)
        if value is None or value == "":
            return default
        return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))

    return Column(name, read, description, wide=wide)


def number(name: str, path: str, description: str = "") -> Column:
    """The number at a path, else 0."""

    def read(obj: Object, now: datetime) -> Cell:
        value = at(obj, path)
        return value if isinstance(value, int) else 0

    return Column(name, read, description, "integer")


def labels(name: str, path: str) -> Column:
    """A map as `a=b,c=d`."""
    return Column(name, lambda obj, now: pairs(at(obj, path)) or NONE, wide=True)


def pairs(value: Any) -> str:
    return ",".join(f"{key}={item}" for key, item in sorted(value.items())) if isinstance(value, Mapping) else ""


def joined(values: Iterable[str], *, most: int = 0) -> str:
    """`a,b + 3 more...` when there are more than `most` (0: no limit)."""
    found = list(values)
    if not found:
        return NONE
    more = f" + {len(found) - most} more..." if most and len(found) > most else ""
    return ",".join(found[: most or None]) + more


def ago(path: str) -> Callable[[Object, datetime], Cell]:
    """How long ago the time at a path was."""
    return lambda obj, now: since(at(obj, path), now)


def since(written: Any, now: datetime) -> str:
    """`written` as RFC 3339."""
    try:
        then = datetime.fromisoformat(written)
    except (TypeError, ValueError):
        return UNKNOWN
    return human((now - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds())


def human(seconds: float) -> str:
    """As Kubernetes' `duration.HumanDuration` writes it: two units at most, the second only while it tells."""
    whole = max(int(seconds), 0)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    steps = (
        (120, f"{whole}s"),
        (600, _two(minutes, "m", whole % 60, "s")),
        (3 * 3600, f"{minutes}m"),
        (8 * 3600, _two(hours, "h", minutes % 60, "m")),
        (48 * 3600, f"{hours}h"),
        (8 * 86400, _two(days, "d", hours % 24, "h")),
        (2 * 365 * 86400, f"{days}d"),
        (8 * 365 * 86400, _two(days // 365, "y", days % 365, "d")),
    )
    return next((words for limit, words in steps if whole < limit), f"{days // 365}y")


def _two(large: int, unit: str, small: int, small_unit: str) -> str:
    return f"{large}{unit}{small}{small_unit}" if small else f"{large}{unit}"


NAME = text("Name", "metadata.name", "Name must be unique within a namespace.")
AGE = Column("Age", ago("metadata.creationTimestamp"), "How long ago it was made.")
