"""Live objects are read again when something in them has changed that matters."""

from __future__ import annotations

from typing import Any

from tests.resources.samples import virtual_service

from turnout.control.objects import keyed
from turnout.control.world import Resources
from turnout.resources.sticky import ANNOTATION


def annotated(**annotations: str) -> dict[str, Any]:
    found = virtual_service()
    found["metadata"] |= {"generation": 1, "uid": "a", "annotations": annotations}
    return found


def read(resources: Resources, obj: dict[str, Any]) -> object:
    found, _ = resources.read(keyed([obj]))
    return next(iter(found.values()))


def test_the_annotation_for_a_sticky_split_counts_although_no_generation_does() -> None:
    resources = Resources()
    plain = read(resources, annotated())
    assert read(resources, annotated(other="x")) is plain
    assert read(resources, annotated(**{ANNOTATION: "header:x-user"})) is not plain
