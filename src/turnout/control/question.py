"""What a request to a view asks for, checked."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from turnout.error import ApiError
from turnout.mesh import names


def number(query: Mapping[str, str], name: str, default: float, *, least: float, most: float) -> float:
    """A parameter as a number within bounds. Raises ApiError."""
    text = query.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value) or not least <= value <= most:
        raise ApiError(400, "BadRequest", f"{name}={text} is no number from {least:g} to {most:g}")
    return value


def service_host(query: Mapping[str, str]) -> str:
    """The full host of `service`, a short name being one of `namespace` (`default`). Raises ApiError."""
    service = query.get("service", "")
    if not service:
        raise ApiError(400, "BadRequest", "which service? give service=<name>", "turnout status lists them")
    return names.fqdn(service, query.get("namespace") or "default")
