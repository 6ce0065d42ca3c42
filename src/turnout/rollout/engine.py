"""The engine: looks at the evidence of each rollout once in a while, and does what follows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from turnout.error import ApiError, TurnoutError
from turnout.rollout import course
from turnout.rollout.comparing import Comparing
from turnout.rollout.resource import Resource
from turnout.rollout.shelf import Shelf
from turnout.rollout.site import Site

UNDER_WAY = ("running", "paused", "halted")


def tick(site: Site, aside: Collection[str] = ()) -> None:
    """One look at every rollout. What goes wrong with one is in its status; raises what concerns all: TurnoutError.

    `aside`: namespaces where somebody else acts; "": everywhere.
    """
    shelf = site.rollouts
    objects = shelf.list(site.namespace)
    comparing = Comparing(site.instance)
    for obj in objects:
        if "" in aside or obj["metadata"]["namespace"] in aside:
            continue
        _advance(site, Resource(shelf, obj), comparing, _held(shelf, objects, obj))
    comparing.end_others()


def _advance(site: Site, resource: Resource, comparing: Comparing, held_by: str) -> None:
    try:
        course.advance(site, resource, comparing, held_by)
    except ApiError as error:
        if error.status != 404:  # deleted meanwhile
            resource.fail(error)
    except TurnoutError as error:
        resource.fail(error)


def _held(shelf: Shelf, objects: Sequence[Mapping[str, Any]], obj: Mapping[str, Any]) -> str:
    """Which other rollout moves the same service now."""
    for other in objects:
        status = other.get("status") or {}
        same = other["metadata"]["namespace"] == obj["metadata"]["namespace"]
        if other is not obj and same and status.get("phase") in UNDER_WAY:
            saved = Resource(shelf, other).saved
            if saved and saved.spec.get("service") == obj["spec"].get("service"):
                return str(other["metadata"]["name"])
    return ""
