"""When a condition of an object's status came about."""

from __future__ import annotations

from typing import Any


def stamped(status: Any, before: Any, now: str) -> Any:
    """With the time of each condition: that of before, unless it has come about now."""
    if isinstance(status, list):
        return [stamped(item, _counterpart(item, before), now) for item in status]
    if not isinstance(status, dict):
        return status
    known = before if isinstance(before, dict) else {}
    if "type" in status and "status" in status:
        same = known.get("status") == status["status"]
        return {**status, "lastTransitionTime": known.get("lastTransitionTime", now) if same else now}
    return {key: stamped(value, known.get(key), now) for key, value in status.items()}


def _counterpart(item: Any, before: Any) -> Any:
    """The entry of the same list that was about the same: a condition, a listener or a parent."""
    if not isinstance(item, dict) or not isinstance(before, list):
        return None
    names = [(key, item[key]) for key in ("type", "name", "parentRef") if key in item]
    return next((each for each in before if all(each.get(key) == value for key, value in names)), None)
