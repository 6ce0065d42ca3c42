"""What a route and the rules for a part of its requests shall be under a routing.

A rule is made from its route each time, so that whatever else the route does, it does too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from turnout.delivery.edit import MIRROR_SUFFIX, USERS_SUFFIX, JSONObject, destinations, part_name
from turnout.delivery.mirroring import MIRROR_FIELDS, copies, limited
from turnout.delivery.plan import Routing
from turnout.delivery.sample import KEY, of_percent
from turnout.delivery.steered_route import SteeredRoute, headers_of, matches, narrowed


@dataclass(frozen=True, slots=True)
class Copied:
    """Which requests are copied, and the percent of these that stable answers twice, to compare copies with copies."""

    methods: Sequence[str]
    baseline_percent: Decimal


@dataclass(frozen=True, slots=True)
class Rules:
    """One route, and the rules before it."""

    route: JSONObject
    mirror: JSONObject | None
    users: JSONObject | None


def rules(steered: SteeredRoute, routing: Routing, copied: Copied) -> Rules:
    """A rule of these names that is somebody else's stays, but for its weights."""
    route = _weighed(steered, routing)
    return Rules(route, _mirror(steered, route, routing, copied), _users(steered, route, routing))


def _weighed(steered: SteeredRoute, routing: Routing) -> JSONObject:
    """With both destinations. A new one is as the other, but for its subset."""
    stable, candidate = steered.versions.stable, steered.versions.candidate
    choices, names = [dict(choice) for choice in destinations(steered.route)], steered.subsets
    if names == [""]:  # all versions, the candidate among them
        choices, names = [_choice(choices[0], stable)], [stable]
    if candidate not in names:
        choices, names = [*choices, _choice(choices[names.index(stable)], candidate)], [*names, candidate]
    for choice, name in zip(choices, names, strict=True):
        if name in (stable, candidate):
            choice["weight"] = routing.stable if name == stable else routing.candidate
    return {**steered.route, "route": choices}


def _choice(like: JSONObject, subset: str) -> dict[str, Any]:
    return {**like, "destination": {**like["destination"], "subset": subset}}


def _users(steered: SteeredRoute, route: JSONObject, routing: Routing) -> JSONObject | None:
    if steered.users is not None and not steered.leads_to_candidate(steered.users):
        return steered.users
    if not routing.users:
        return None
    headers = headers_of(routing.users)
    choice = next(c for c in destinations(route) if steered.subset(c["destination"]) == steered.versions.candidate)
    return {
        **route,
        "name": part_name(route, USERS_SUFFIX),
        "match": [narrowed(match, headers) for match in matches(route)],
        "route": [{**choice, "weight": 100}],
    }


def _mirror(steered: SteeredRoute, route: JSONObject, routing: Routing, copied: Copied) -> JSONObject | None:
    if steered.mirror is not None and not steered.copies_to_candidate(steered.mirror):
        return {**steered.mirror, "route": route["route"]}
    asked = limited(route, copied.methods) if routing.mirror_percent else []
    if not asked:
        return None
    if routing.compare:
        key = {KEY: {"regex": of_percent(routing.mirror_percent).regex}}
        asked = [narrowed(match, key) for match in asked]
    bare = {key: value for key, value in route.items() if key not in MIRROR_FIELDS}
    return {**bare, "name": part_name(route, MIRROR_SUFFIX), "match": asked, **_mirrors(steered, routing, copied)}


def _mirrors(steered: SteeredRoute, routing: Routing, copied: Copied) -> JSONObject:
    """A list, where there is more than one: with those that the route itself has."""
    own = [_entry(destination, percent) for destination, percent in copies(steered.route)]
    candidate, stable = (_destination(steered, name) for name in (steered.versions.candidate, steered.versions.stable))
    percent = Decimal(100) if routing.compare else routing.mirror_percent
    entry, twice = _entry(candidate, percent), _entry(stable, percent * copied.baseline_percent / 100)
    if copied.baseline_percent or own:
        return {"mirrors": [entry, *([twice] if copied.baseline_percent else []), *own]}
    return {"mirror": candidate, "mirrorPercentage": entry["percentage"]}


def _destination(steered: SteeredRoute, subset: str) -> dict[str, Any]:
    """The host as the route itself writes it."""
    own = (c["destination"] for c in destinations(steered.route) if steered.subset(c["destination"]) is not None)
    return {**next(own), "subset": subset}


def _entry(destination: JSONObject, percent: Decimal) -> dict[str, Any]:
    """A whole percent without a point, as people write it."""
    value = int(percent) if percent == int(percent) else float(percent)
    return {"destination": destination, "percentage": {"value": value}}
