"""The routes that a rollout speaks for: each with the rules before it that are for a part of its requests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from turnout.delivery.edit import (
    JSONObject,
    destinations,
    host_of,
    is_copy_rule,
    is_mirror_rule,
    is_users_rule,
    label,
    named,
    routes,
)
from turnout.delivery.mirroring import copies


@dataclass(frozen=True, slots=True)
class Versions:
    """Two subsets of a service (its full name), and one route by its name, or all that serve the stable one."""

    host: str
    stable: str
    candidate: str
    route: str | None = None


@dataclass(frozen=True, slots=True)
class SteeredRoute:
    """A route at `at`. `users` and `mirror`: the rules `x-users` and `x-mirror` before it, where they are."""

    virtual_service: JSONObject
    at: int
    versions: Versions
    users: JSONObject | None
    mirror: JSONObject | None

    @property
    def route(self) -> JSONObject:
        return routes(self.virtual_service)[self.at]

    @property
    def label(self) -> str:
        return label(self.route, self.at)

    @property
    def subsets(self) -> list[str | None]:
        """Of its destinations."""
        return [self.subset(choice["destination"]) for choice in destinations(self.route)]

    def subset(self, destination: JSONObject) -> str | None:
        """Which of the service's, "" for all of them; None: of another service."""
        own = host_of(destination, self.virtual_service["metadata"]["namespace"]) == self.versions.host
        return str(destination.get("subset") or "") if own else None

    def leads_to_candidate(self, rule: JSONObject) -> bool:
        """Whether a rule sends all there."""
        return [self.subset(choice["destination"]) for choice in destinations(rule)] == [self.versions.candidate]

    def copies_to_candidate(self, rule: JSONObject) -> bool:
        """Then a mirror rule is a rollout's, whoever has put it there."""
        return any(self.subset(to) == self.versions.candidate for to, _ in copies(rule))


def steered_routes(virtual_services: Sequence[JSONObject], versions: Versions) -> list[SteeredRoute]:
    """A route that only others than stable serve is somebody's own: one for testers, say.

    Where routes list both versions, whoever wrote them said what the candidate can answer: the others stay stable's.
    """
    found = (route for each in virtual_services for route in _all(each, versions))
    stables = [each for each in found if versions.stable in each.subsets or each.subsets == [""]]
    return [each for each in stables if versions.candidate in each.subsets] or stables


def _all(virtual_service: JSONObject, versions: Versions) -> Iterator[SteeredRoute]:
    http = routes(virtual_service)
    for at in range(len(http)):
        if named(http, at, versions.route) and not is_copy_rule(http, at):
            mirror = http[at - 1] if at and is_mirror_rule(http, at - 1) else None
            before = at - 1 - (mirror is not None)
            users = http[before] if before >= 0 and is_users_rule(http, before) else None
            yield SteeredRoute(virtual_service, at, versions, users, mirror)


def matches(route: JSONObject) -> list[JSONObject]:
    """A route without any matches everything, and so does a null among them."""
    given: Sequence[JSONObject | None] = route.get("match") or (None,)
    return [match or {} for match in given]


def narrowed(match: JSONObject, headers: JSONObject) -> JSONObject:
    """To requests with these headers too."""
    return {**match, "headers": {**(match.get("headers") or {}), **headers}}


def headers_of(users: str) -> dict[str, Any]:
    """A group of users: `{"headers": {name: match}}` to what it holds. ValueError, KeyError: it is something else."""
    headers: dict[str, Any] = json.loads(users)["headers"] if users else {}
    return headers


def group_of(headers: JSONObject) -> str:
    """A group of users as one text, equal for equal groups."""
    return json.dumps({"headers": headers}, sort_keys=True, separators=(",", ":")) if headers else ""


def group_words(headers: JSONObject) -> str:
    """`x-group is beta`; `cookie matches .*beta.*`."""
    verbs = {"exact": "is", "prefix": "begins with", "regex": "matches"}
    said = [
        next((f"{name} {verb} {match[kind]}" for kind, verb in verbs.items() if kind in match), f"{name} is there")
        for name, match in headers.items()
    ]
    return " and ".join(said)
