"""The rules that copy a sample of requests, and how they are taken away when nobody compares any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from turnout.delivery.edit import Edit, JSONObject, guarded, host_of, is_mirror_rule, named, pointer, routes
from turnout.delivery.mirroring import copies, sample_of
from turnout.delivery.steered_route import Versions


def without_copies(virtual_services: Sequence[JSONObject], versions: Versions) -> list[Edit]:
    """What takes them away, whatever else was done to the routes meanwhile: weights stay as they are."""
    edits = []
    for each in virtual_services:
        found = list(_rules(each, versions))
        if found:
            operations = [{"op": "remove", "path": pointer(("spec", "http", at))} for at in reversed(found)]
            meta = each["metadata"]
            edits.append(Edit(meta["namespace"], meta["name"], guarded(each, operations)))
    return edits


def bare(virtual_service: JSONObject, versions: Versions) -> dict[str, Any]:
    """The spec of one without them."""
    spec, gone = virtual_service["spec"], set(_rules(virtual_service, versions))
    kept = [rule for at, rule in enumerate(routes(virtual_service)) if at not in gone]
    return {**spec, "http": kept} if gone else dict(spec)


def _rules(virtual_service: JSONObject, versions: Versions) -> Iterator[int]:
    """Told by both: they choose by the request's key, and copy to the candidate."""
    http, namespace = routes(virtual_service), virtual_service["metadata"]["namespace"]
    for at in range(len(http)):
        sampled = is_mirror_rule(http, at) and sample_of(http[at]) is not None
        if sampled and named(http, at, versions.route) and _copies_to(http[at], versions, namespace):
            yield at


def _copies_to(rule: JSONObject, versions: Versions, namespace: str) -> bool:
    wanted = (versions.host, versions.candidate)
    return any((host_of(to, namespace), to.get("subset")) == wanted for to, _ in copies(rule))
