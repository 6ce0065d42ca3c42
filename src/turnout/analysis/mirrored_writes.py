"""Copies of requests that change data."""

from __future__ import annotations

from collections.abc import Iterator

from turnout.analysis.destinations import where
from turnout.analysis.inventory import Inventory
from turnout.problem import Problem
from turnout.resources.codes import problem
from turnout.resources.virtual_service import HTTPRoute

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def mirrored_writes(inventory: Inventory) -> Iterator[Problem]:
    """TNO301: copies of requests that change data."""
    for owner in inventory.mesh.virtual_services:
        for index, http in enumerate(owner.spec.http):
            if (http.mirror or http.mirrors) and not _is_safe(http):
                place = where(owner, f"spec.http[{index}].{'mirror' if http.mirror else 'mirrors'}")
                hint = "limit the route to safe methods: `turnout mirror SERVICE --to SUBSET --methods GET,HEAD`"
                yield problem("TNO301", place, "requests that change data are mirrored too", hint)


def _is_safe(http: HTTPRoute) -> bool:
    methods = [match.method.exact if match.method else None for match in http.match] or [None]
    return all(method in SAFE_METHODS for method in methods)
