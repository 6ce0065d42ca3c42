"""What a status says of one namespace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SCOPED = ("services", "workloads", "gateways", "drift")


def within(status: Mapping[str, Any], namespace: str | None) -> Mapping[str, Any]:
    """The JSON of `turnout status`, of one namespace; None or "": of all. Problems stay, wherever they are."""
    if not namespace:
        return status
    return {**status, **{key: [each for each in status[key] if each["namespace"] == namespace] for key in _SCOPED}}
