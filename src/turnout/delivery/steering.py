"""A rollout's routing as edits of VirtualServices, and back: what the live objects say.

Of each route that serves the stable version there are up to three rules, for people one route together:

    x-users    a group of users: all to the candidate
    x-mirror   of some methods, and of a comparison a sample: as the route, and copied
    x          the route itself: weights

Mirrors that a route has itself are somebody else's, and stay; of a rule `x-mirror` that copies elsewhere only the
weights follow; one that copies to the candidate is the rollout's from then on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from turnout.delivery.edit import (
    MIRROR_SUFFIX,
    USERS_SUFFIX,
    Edit,
    JSONObject,
    Refusal,
    RouteChange,
    destinations,
    guarded,
    host_of,
    part_name,
    pointer,
    put,
    sticky_of,
    stuck,
    title,
)
from turnout.delivery.mirroring import limited, words
from turnout.delivery.plan import Routing
from turnout.delivery.routing_in_force import lowest, read
from turnout.delivery.sample import of_percent
from turnout.delivery.steered_route import (
    SteeredRoute,
    Versions,
    group_of,
    group_words,
    headers_of,
    matches,
    steered_routes,
)
from turnout.delivery.steered_rule import Copied, Rules, rules
from turnout.delivery.weights import percentages

__all__ = [
    "BASELINE_PERCENT",
    "METHODS",
    "Versions",
    "group_words",
    "in_force",
    "steer",
    "strange",
    "subsets",
    "written",
]

METHODS = ("GET", "HEAD")
BASELINE_PERCENT = Decimal(25)


def written(routing: Routing) -> Routing:
    """As it is read again once it is in force: in lowest terms, a comparison's sample in parts of 256."""
    compared = bool(routing.compare and routing.mirror_percent)
    percent = of_percent(routing.mirror_percent).percent if compared else routing.mirror_percent
    users = group_of(headers_of(routing.users))
    return Routing(*lowest(routing.stable, routing.candidate), percent, users, compared)


def steer(
    virtual_services: Sequence[JSONObject],
    versions: Versions,
    routing: Routing,
    *,
    methods: Sequence[str] = METHODS,
    baseline_percent: Decimal = BASELINE_PERCENT,
    sticky: str = "",
    known: Collection[str] = (),
) -> list[Edit] | Refusal:
    """What makes a routing the one in force; nothing where it is.

    `methods`: what is copied. `baseline_percent`: of those that are, how much stable answers twice. `sticky`: the
    annotation's value, which is there while there is a split; "" leaves the annotation alone. `known`: the
    service's subsets, if known.
    """
    steered = steered_routes(virtual_services, versions)
    wanted, copied = written(routing), Copied(methods, baseline_percent)
    if refusal := _unknown(versions, known) or _unfit(steered, versions, wanted, methods):
        return refusal
    edits = []
    for each in virtual_services:
        operations, shown = _changes([route for route in steered if route.virtual_service is each], wanted, copied)
        if sticky and any(route.virtual_service is each for route in steered):
            operations += _kept(each, sticky, split=bool(wanted.stable and wanted.candidate))
        meta = each["metadata"]
        if operations:
            edits.append(Edit(meta["namespace"], meta["name"], guarded(each, operations), (), shown))
    return edits


def in_force(virtual_services: Sequence[JSONObject], versions: Versions) -> Routing | None:
    """What the live objects say: equal to `written(routing)` once that was steered. None: something else."""
    found = _found(virtual_services, versions)
    return None if isinstance(found, str) else found


def strange(virtual_services: Sequence[JSONObject], versions: Versions) -> str:
    """Why `in_force` is None, in words; else nothing."""
    found = _found(virtual_services, versions)
    return found if isinstance(found, str) else ""


def _found(virtual_services: Sequence[JSONObject], versions: Versions) -> Routing | str:
    steered = steered_routes(virtual_services, versions)
    refusal = _unfit(steered, versions)
    return refusal.message if refusal else read(steered)


def subsets(destination_rules: Sequence[JSONObject], host: str) -> list[str]:
    """The names of a service's subsets (its full name)."""
    return [
        subset["name"]
        for rule in destination_rules
        if host_of(rule["spec"], rule["metadata"]["namespace"]) == host
        for subset in rule["spec"].get("subsets") or ()
    ]


# --- refusals


def _unknown(versions: Versions, known: Collection[str]) -> Refusal | None:
    if versions.stable == versions.candidate:
        return Refusal(f"{versions.stable} cannot be its own candidate", "name two subsets")
    for subset in (versions.stable, versions.candidate):
        if known and subset not in known:
            hint = f"a DestinationRule must have it; there are {', '.join(known)}"
            return Refusal(f"{versions.host} has no subset {subset}", hint)
    return None


def _unfit(
    steered: Sequence[SteeredRoute], versions: Versions, wanted: Routing | None = None, methods: Sequence[str] = ()
) -> Refusal | None:
    """Why the routes cannot be steered to a routing; without one, to any."""
    if not steered:
        which = f" named {versions.route}" if versions.route else ""
        hint = "a VirtualService must route to it: `turnout init` writes one"
        return Refusal(f"no route{which} sends {versions.host} to {versions.stable}", hint)
    for route in steered:
        refusal = _others(route) or (wanted and (_other_users(route, wanted) or _other_mirrors(route, wanted)))
        if refusal:
            return refusal
    if wanted and wanted.mirror_percent and not any(limited(each.route, methods) for each in steered):
        hint = "name the methods to copy; copies can change data"
        return Refusal(f"{steered[0].label} takes no {' or '.join(methods)}", hint)
    return None


def _others(steered: SteeredRoute) -> Refusal | None:
    """Destinations that would lose their part. A single one takes all, whatever its weight, and is ours."""
    ours = (steered.versions.stable, steered.versions.candidate)
    for choice, subset in zip(destinations(steered.route), steered.subsets, strict=True):
        if subset not in ours and choice.get("weight") and len(steered.subsets) > 1:
            name = subset or choice["destination"]["host"]
            hint = f"shift its part to {' or '.join(ours)} first, or choose another route"
            return Refusal(f"{steered.label} also sends requests to {name}", hint)
    twice = next((name for name in ours if steered.subsets.count(name) > 1), None)
    hint = "one destination for each version"
    return Refusal(f"{steered.label} lists {twice} more than once", hint) if twice else None


def _other_users(steered: SteeredRoute, wanted: Routing) -> Refusal | None:
    """By a header that the route itself asks for, it could not be told what the group is, once it is in force."""
    headers = headers_of(wanted.users)
    names = {name.lower() for name in headers}
    asked = [name for match in matches(steered.route) for name in match.get("headers") or () if name.lower() in names]
    if asked:
        return Refusal(f"{steered.label} itself asks for the header {asked[0]}", "tell the group by another header")
    if headers and steered.users is not None and not steered.leads_to_candidate(steered.users):
        name = part_name(steered.route, USERS_SUFFIX)
        return Refusal(f"the rule {name} is somebody else's: it sends elsewhere", "give it another name")
    return None


def _other_mirrors(steered: SteeredRoute, wanted: Routing) -> Refusal | None:
    """Two copies of one request to the candidate would be told apart by nothing."""
    off = f"`turnout mirror {steered.versions.host.partition('.')[0]} --off` first"
    if wanted.mirror_percent and steered.copies_to_candidate(steered.route):
        return Refusal(f"{steered.label} copies to {steered.versions.candidate} already", off)
    if wanted.mirror_percent and steered.mirror is not None and not steered.copies_to_candidate(steered.mirror):
        return Refusal(f"the rule {part_name(steered.route, MIRROR_SUFFIX)} copies elsewhere already", off)
    return None


# --- edits


def _changes(
    steered: Sequence[SteeredRoute], wanted: Routing, copied: Copied
) -> tuple[list[Mapping[str, Any]], list[RouteChange]]:
    """From the last route to the first, so that what is put in does not move what is still to come."""
    operations: list[Mapping[str, Any]] = []
    shown: list[RouteChange] = []
    for route in reversed(steered):
        after = rules(route, wanted, copied)
        changed = list(_operations(route, after))
        operations += changed
        shown[:0] = [_shown(route, after)] if changed else []
    return operations, shown


def _operations(steered: SteeredRoute, after: Rules) -> Iterator[Mapping[str, Any]]:
    at = steered.at
    if after.route != steered.route:
        yield {"op": "replace", "path": pointer(("spec", "http", at)), "value": after.route}
    for old, new in ((steered.mirror, after.mirror), (steered.users, after.users)):
        at -= old is not None
        path = ("spec", "http", at)
        if old is None and new is not None:
            yield put(path, new)
        elif old is not None and new is None:
            yield {"op": "remove", "path": pointer(path)}
        elif old != new:
            yield {"op": "replace", "path": pointer(path), "value": new}


def _kept(virtual_service: JSONObject, sticky: str, *, split: bool) -> Iterator[Mapping[str, Any]]:
    """Somebody else's annotation is replaced by a split, and else left alone."""
    if split:
        yield from stuck(virtual_service, sticky)
    elif sticky_of(virtual_service) == sticky:
        yield from stuck(virtual_service, None)


def _shown(steered: SteeredRoute, after: Rules) -> RouteChange:
    was, now = _percents(steered.route), _percents(after.route)
    was = {name: was.get(name, "-") for name in now}
    for what, old, new, say in (
        ("mirror", steered.mirror, after.mirror, words),
        ("users", steered.users, after.users, _users_words),
    ):
        if old is not None or new is not None:
            was[what], now[what] = say(old), say(new)
    return RouteChange(title(steered.virtual_service), steered.label, was, now)


def _percents(route: JSONObject) -> dict[str, str]:
    choices = destinations(route)
    weights = [int(choice.get("weight", 0)) for choice in choices] if len(choices) > 1 else [100]
    return dict(zip((_name(choice) for choice in choices), percentages(weights), strict=True))


def _users_words(rule: JSONObject | None) -> str:
    if rule is None:
        return "off"
    return f"{group_words(matches(rule)[0].get('headers') or {})}: to {_name(destinations(rule)[0])}"


def _name(choice: JSONObject) -> str:
    return str(choice["destination"].get("subset") or choice["destination"].get("host", ""))
