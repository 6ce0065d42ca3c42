"""A rollout's routing as edits of VirtualServices, and back: what the live objects say.

Of each route that serves the stable version there are up to three rules, together one route for people:

    x-users    a group of users: all to the candidate
    x-mirror   of some methods, and of a comparison a sample: as the route, and copied
    x          the route itself: weights

A rule is made from its route each time, so that whatever else the route does, they do. Mirrors that a route has itself
are somebody else's, and stay; of a rule `x-mirror` that copies elsewhere only the weights follow.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from turnout.delivery import sample
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
    is_copy_rule,
    is_mirror_rule,
    is_users_rule,
    label,
    named,
    part_name,
    pointer,
    put,
    routes,
    title,
)
from turnout.delivery.mirroring import limited
from turnout.delivery.plan import Routing
from turnout.delivery.weights import percentages

METHODS = ("GET", "HEAD")
BASELINE_PERCENT = Decimal(25)
STICKY = "turnout.dev/sticky"
"""The annotation that makes a VirtualService's splits a function of a hash."""

_MIRROR_FIELDS = frozenset({"mirror", "mirrors", "mirrorPercentage", "mirrorPercent"})


@dataclass(frozen=True, slots=True)
class Versions:
    """Two subsets of a service (its full name), and one route by its name, or all that serve the stable one."""

    host: str
    stable: str
    candidate: str
    route: str | None = None


@dataclass(frozen=True, slots=True)
class _Copied:
    """How the requests of a route's mirror rule are chosen and copied."""

    methods: Sequence[str]
    baseline_percent: Decimal


@dataclass(frozen=True, slots=True)
class _Group:
    """A route at `at`, and the rules before it that are for a part of its requests."""

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
    def namespace(self) -> str:
        namespace: str = self.virtual_service["metadata"]["namespace"]
        return namespace

    def subset(self, destination: JSONObject) -> str | None:
        """Which of the service's; None: of another service."""
        own = host_of(destination, self.namespace) == self.versions.host
        return str(destination.get("subset") or "") if own else None

    @property
    def subsets(self) -> list[str | None]:
        return [self.subset(choice["destination"]) for choice in destinations(self.route)]


def written(routing: Routing) -> Routing:
    """As it is read again once it is in force: in lowest terms, a comparison's sample in parts of 256."""
    compared = bool(routing.compare and routing.mirror_percent)
    percent = sample.of_percent(routing.mirror_percent).percent if compared else routing.mirror_percent
    users = _text(_headers(routing.users)) if routing.users else ""
    return Routing(*_lowest(routing.stable, routing.candidate), percent, users, compared)


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

    `methods`: what is copied. `baseline_percent`: of a comparison's sample, how much stable answers twice. `sticky`:
    the annotation's value, which is there while there is a split; "" leaves the annotation alone. `known`: the
    service's subsets, if known.
    """
    groups = [group for each in virtual_services for group in _groups(each, versions)]
    wanted = written(routing)
    copied = _Copied(methods, baseline_percent)
    if refusal := _unknown(versions, known) or _unfit(groups, versions, wanted, copied):
        return refusal
    edits = (_edit(each, versions, wanted, copied, sticky) for each in virtual_services)
    return [edit for edit in edits if edit is not None]


def in_force(virtual_services: Sequence[JSONObject], versions: Versions) -> Routing | None:
    """What the live objects say: equal to `written(routing)` once that was steered. None: something else."""
    found = _read(virtual_services, versions)
    return None if isinstance(found, str) else found


def strange(virtual_services: Sequence[JSONObject], versions: Versions) -> str:
    """Why `in_force` is None, in words; else nothing."""
    found = _read(virtual_services, versions)
    return found if isinstance(found, str) else ""


def subsets(destination_rules: Sequence[JSONObject], host: str) -> list[str]:
    """The names of a service's subsets (its full name)."""
    return [
        subset["name"]
        for rule in destination_rules
        if host_of(rule["spec"], rule["metadata"]["namespace"]) == host
        for subset in rule["spec"].get("subsets") or ()
    ]


# --- the routes in question


def _groups(virtual_service: JSONObject, versions: Versions) -> Iterator[_Group]:
    """A route that only others than stable serve is somebody's own, unless it is asked for by name."""
    http = routes(virtual_service)
    for at in range(len(http)):
        if is_copy_rule(http, at) or not named(http, at, versions.route):
            continue
        before = [http[i] for i in range(max(at - 2, 0), at)]
        mirror = before.pop() if at and is_mirror_rule(http, at - 1) else None
        users_at = at - 1 - (mirror is not None)
        users = before[-1] if users_at >= 0 and is_users_rule(http, users_at) else None
        group = _Group(virtual_service, at, versions, users, mirror)
        if versions.stable in group.subsets or group.subsets == [""]:
            yield group


def _unknown(versions: Versions, known: Collection[str]) -> Refusal | None:
    if versions.stable == versions.candidate:
        return Refusal(f"{versions.stable} cannot be its own candidate", "name two subsets")
    for subset in (versions.stable, versions.candidate):
        if known and subset not in known:
            hint = f"a DestinationRule must have it; there are {', '.join(known)}"
            return Refusal(f"{versions.host} has no subset {subset}", hint)
    return None


def _unfit(groups: Sequence[_Group], versions: Versions, wanted: Routing, copied: _Copied) -> Refusal | None:
    if not groups:
        which = f" named {versions.route}" if versions.route else ""
        message = f"no route{which} sends {versions.host} to {versions.stable}"
        return Refusal(message, "a VirtualService must route to it: `turnout init` writes one")
    for group in groups:
        if refusal := _others(group) or _same_header(group, wanted) or _own_mirror(group, wanted):
            return refusal
    if wanted.mirror_percent and not any(limited(group.route, copied.methods) for group in groups):
        hint = "name the methods to copy; copies can change data"
        return Refusal(f"{groups[0].label} takes no {' or '.join(copied.methods)}", hint)
    return None


def _others(group: _Group) -> Refusal | None:
    ours = (group.versions.stable, group.versions.candidate)
    for choice, subset in zip(destinations(group.route), group.subsets, strict=True):
        if subset not in ours and choice.get("weight") and len(group.subsets) > 1:
            name = subset or choice["destination"]["host"]
            hint = (
                f"`turnout shift` it to 0 first, or choose another route: between {' and '.join(ours)} alone is moved"
            )
            return Refusal(f"{group.label} also sends requests to {name}", hint)
    for name in ours:
        if group.subsets.count(name) > 1:
            return Refusal(f"{group.label} lists {name} more than once", "one destination for each version")
    return None


def _same_header(group: _Group, wanted: Routing) -> Refusal | None:
    """Then it could not be told what the group is, once it is in force."""
    names = {name.lower() for name in _headers(wanted.users)}
    for match in _matches(group.route):
        for name in match.get("headers") or ():
            if name.lower() in names:
                return Refusal(f"{group.label} itself asks for the header {name}", "tell the group by another header")
    if wanted.users and group.users is not None and not _to_candidate(group, group.users):
        rule = part_name(group.route, USERS_SUFFIX)
        return Refusal(f"the rule {rule} is somebody else's: it sends elsewhere", "give it another name")
    return None


def _own_mirror(group: _Group, wanted: Routing) -> Refusal | None:
    """Two copies of one request to the candidate would be told apart by nothing."""
    off = f"`turnout mirror {group.versions.host.partition('.')[0]} --off` first"
    if not wanted.mirror_percent:
        return None
    if any(_is(group, to, group.versions.candidate) for to, _ in _copies(group.route)):
        return Refusal(f"{group.label} copies to {group.versions.candidate} already", off)
    if group.mirror is not None and not _ours(group, group.mirror):
        return Refusal(f"the rule {part_name(group.route, MIRROR_SUFFIX)} copies elsewhere already", off)
    return None


# --- what the rules shall be


def _edit(
    virtual_service: JSONObject, versions: Versions, wanted: Routing, copied: _Copied, sticky: str
) -> Edit | None:
    """From the last route to the first, so that what is put in does not move what is still to come."""
    operations: list[Mapping[str, Any]] = []
    shown: list[RouteChange] = []
    found = list(_groups(virtual_service, versions))
    for group in reversed(found):
        route = _weighed(group, wanted)
        mirror, users = _mirror_rule(group, route, wanted, copied), _users_rule(group, route, wanted)
        changed = _operations(group, route, mirror, users)
        operations += changed
        shown[:0] = [_shown(group, route, mirror, users)] if changed else []
    if found and sticky:
        operations += _stuck(virtual_service, sticky, split=bool(wanted.stable and wanted.candidate))
    meta = virtual_service["metadata"]
    return (
        Edit(meta["namespace"], meta["name"], guarded(virtual_service, operations), (), shown) if operations else None
    )


def _operations(
    group: _Group, route: JSONObject, mirror: JSONObject | None, users: JSONObject | None
) -> Iterator[Mapping[str, Any]]:
    at = group.at
    if route != group.route:
        yield {"op": "replace", "path": pointer(("spec", "http", at)), "value": route}
    for before, after in ((group.mirror, mirror), (group.users, users)):
        at -= before is not None
        path = ("spec", "http", at)
        if before is None and after is not None:
            yield put(path, after)
        elif before is not None and after is None:
            yield {"op": "remove", "path": pointer(path)}
        elif before != after:
            yield {"op": "replace", "path": pointer(path), "value": after}


def _stuck(virtual_service: JSONObject, sticky: str, *, split: bool) -> Iterator[Mapping[str, Any]]:
    path = ("metadata", "annotations", STICKY)
    annotations = virtual_service["metadata"].get("annotations")
    if split and (annotations or {}).get(STICKY) != sticky:
        yield put(path[:2], {STICKY: sticky}) if annotations is None else put(path, sticky)
    elif not split and (annotations or {}).get(STICKY) == sticky:
        yield {"op": "remove", "path": pointer(path)}


def _weighed(group: _Group, wanted: Routing) -> JSONObject:
    """The route with both destinations, which get what they shall. A new one is as the other, but for its subset."""
    stable, candidate = group.versions.stable, group.versions.candidate
    choices = [dict(choice) for choice in destinations(group.route)]
    names = group.subsets
    if names == [""]:  # without a subset it is all versions, the candidate among them
        choices[0] = _choice(choices[0], stable)
        names = [stable]
    if candidate not in names:
        choices.append(_choice(choices[names.index(stable)], candidate))
        names = [*names, candidate]
    for choice, name in zip(choices, names, strict=True):
        if name in (stable, candidate):
            choice["weight"] = wanted.stable if name == stable else wanted.candidate
    return {**group.route, "route": choices}


def _choice(like: JSONObject, subset: str) -> dict[str, Any]:
    return {**like, "destination": {**like["destination"], "subset": subset}}


def _mirror_rule(group: _Group, route: JSONObject, wanted: Routing, copied: _Copied) -> JSONObject | None:
    if group.mirror is not None and not _ours(group, group.mirror):
        return {**group.mirror, "route": route["route"]}
    matches = limited(route, copied.methods) if wanted.mirror_percent else []
    if not matches:
        return None
    bare = {key: value for key, value in route.items() if key not in _MIRROR_FIELDS}
    rule = {**bare, "name": part_name(route, MIRROR_SUFFIX), "match": matches}
    if wanted.compare:
        key = {sample.HEADER: {"regex": sample.of_percent(wanted.mirror_percent).regex}}
        rule["match"] = [_with(match, key) for match in matches]
    return {**rule, **_mirrored(group, wanted, copied)}


def _mirrored(group: _Group, wanted: Routing, copied: _Copied) -> JSONObject:
    """A list, where there is more than one mirror; with those that the route itself has."""
    own = [_entry(destination, percent) for destination, percent in _copies(group.route)]
    candidate, stable = (_destination(group, name) for name in (group.versions.candidate, group.versions.stable))
    if wanted.compare:
        twice = [_entry(stable, copied.baseline_percent)] if copied.baseline_percent else []
        return {"mirrors": [_entry(candidate, Decimal(100)), *twice, *own]}
    entry = _entry(candidate, wanted.mirror_percent)
    return {"mirrors": [entry, *own]} if own else {"mirror": candidate, "mirrorPercentage": entry["percentage"]}


def _destination(group: _Group, subset: str) -> dict[str, Any]:
    """The host as the route itself writes it."""
    own = next(c["destination"] for c in destinations(group.route) if group.subset(c["destination"]) is not None)
    return {**own, "subset": subset}


def _entry(destination: JSONObject, percent: Decimal) -> dict[str, Any]:
    return {"destination": destination, "percentage": {"value": _number(percent)}}


def _number(percent: Decimal) -> float:
    """A whole one without a point, as people write it."""
    return int(percent) if percent == int(percent) else float(percent)


def _users_rule(group: _Group, route: JSONObject, wanted: Routing) -> JSONObject | None:
    if group.users is not None and not _to_candidate(group, group.users):
        return group.users
    if not wanted.users:
        return None
    headers = _headers(wanted.users)
    choice = next(c for c in route["route"] if group.subset(c["destination"]) == group.versions.candidate)
    return {
        **route,
        "name": part_name(route, USERS_SUFFIX),
        "match": [_with(match, headers) for match in _matches(route)],
        "route": [{**choice, "weight": 100}],
    }


def _with(match: JSONObject, headers: JSONObject) -> JSONObject:
    return {**match, "headers": {**(match.get("headers") or {}), **headers}}


def _matches(route: JSONObject) -> list[JSONObject]:
    given: Sequence[JSONObject | None] = route.get("match") or (None,)
    return [match or {} for match in given]


def _headers(users: str) -> dict[str, Any]:
    """`{"headers": {name: match}}` to what it holds."""
    headers: dict[str, Any] = json.loads(users)["headers"] if users else {}
    return headers


def _text(headers: JSONObject) -> str:
    return json.dumps({"headers": headers}, sort_keys=True)


# --- what they are


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one route and its rules do. `methods`: of which requests are copied."""

    group: _Group
    weights: tuple[int, int]
    users: str
    mirror_percent: Decimal
    compare: bool
    methods: frozenset[str]


def _read(virtual_services: Sequence[JSONObject], versions: Versions) -> Routing | str:
    """The routing, or what is strange about it."""
    groups = [group for each in virtual_services for group in _groups(each, versions)]
    if not groups:
        return f"no route sends {versions.host} to {versions.stable}"
    found = []
    for group in groups:
        seen = _seen(group)
        if isinstance(seen, str):
            return seen
        found.append(seen)
    return _agreed(found)


def _agreed(found: Sequence[_Seen]) -> Routing | str:
    """Of all routes. One whose requests are none of those that are copied has no rule that copies."""
    methods = sorted(frozenset().union(*(seen.methods for seen in found)))
    copied = [seen for seen in found if seen.mirror_percent or limited(seen.group.route, methods)] or found[:1]
    first, copying = found[0], copied[0]
    for other in found[1:]:
        if (other.weights, other.users) != (first.weights, first.users):
            return f"{first.group.label} and {other.group.label} send requests differently"
    for other in copied:
        if (other.mirror_percent, other.compare) != (copying.mirror_percent, copying.compare):
            return f"{copying.group.label} and {other.group.label} copy requests differently"
    return Routing(*first.weights, copying.mirror_percent, first.users, copying.compare)


def _seen(group: _Group) -> _Seen | str:
    if refusal := _others(group):
        return refusal.message
    weights = _weights(group)
    if isinstance(weights, str):
        return weights
    users = _group_of(group)
    percent, compare, methods = Decimal(0), False, frozenset[str]()
    if group.mirror is not None and _ours(group, group.mirror):
        copies = _compared(group, group.mirror)
        if copies is None:
            return f"the rule {part_name(group.route, MIRROR_SUFFIX)} copies in a way that no rollout does"
        percent, compare = copies
        methods = frozenset(_exact(match) for match in _matches(group.mirror))
    if group.mirror is not None and _weights_of(group.mirror) != _weights_of(group.route):
        return f"the rule {part_name(group.route, MIRROR_SUFFIX)} has other weights than {group.label}"
    if users is None:
        return f"the rule {part_name(group.route, USERS_SUFFIX)} is not for a group of users, or sends elsewhere"
    return _Seen(group, weights, users, percent, compare, methods)


def _exact(match: JSONObject) -> str:
    return str((match.get("method") or {}).get("exact", ""))


def _weights_of(rule: JSONObject) -> list[Any]:
    return [(choice["destination"], choice.get("weight", 0)) for choice in destinations(rule)]


def _weights(group: _Group) -> tuple[int, int] | str:
    """In whole percent, else in tenths."""
    if group.subsets == [""]:
        return f"{group.label} sends to all versions, without a subset"
    given = {name: c.get("weight", 0) for name, c in zip(group.subsets, destinations(group.route), strict=True)}
    if len(given) == 1:  # a single destination takes all, whatever its weight
        return 100, 0
    stable, candidate = int(given[group.versions.stable]), int(given.get(group.versions.candidate, 0))
    if not stable + candidate or candidate * 1000 % (stable + candidate):
        return f"{group.label} has weights of {stable} and {candidate}"
    return _lowest(stable, candidate)


def _lowest(stable: int, candidate: int) -> tuple[int, int]:
    """Totals 100, or 1000 where that is too coarse."""
    tenths = candidate * 1000 // (stable + candidate)
    return (1000 - tenths, tenths) if tenths % 10 else (100 - tenths // 10, tenths // 10)


def _group_of(group: _Group) -> str | None:
    """Whose requests go to the candidate. None: that is no rule of ours."""
    if group.users is None:
        return ""
    known = _matches(group.route)
    headers = dict(_matches(group.users)[0].get("headers") or {})
    for name in known[0].get("headers") or ():
        headers.pop(name, None)
    expected = [_with(match, headers) for match in known]
    fits = bool(headers) and _to_candidate(group, group.users) and _matches(group.users) == expected
    return _text(headers) if fits else None


def _to_candidate(group: _Group, rule: JSONObject) -> bool:
    return [group.subset(choice["destination"]) for choice in destinations(rule)] == [group.versions.candidate]


def _compared(group: _Group, rule: JSONObject) -> tuple[Decimal, bool] | None:
    """How many percent are copied, and whether they are compared."""
    to_candidate = [percent for to, percent in _copies(rule) if _is(group, to, group.versions.candidate)]
    twice = [percent for to, percent in _copies(rule) if _is(group, to, group.versions.stable)]
    keys = {(match.get("headers") or {}).get(sample.HEADER, {}).get("regex") for match in _matches(rule)}
    own = [(to, percent) for to, percent in _copies(group.route) if _is(group, to, group.versions.stable)]
    if len(keys) != 1 or len(to_candidate) != 1:
        return None
    key = keys.pop()
    if key is None:
        return (to_candidate[0], False) if len(twice) == len(own) else None
    found = sample.of_regex(key)
    return (found.percent, True) if found is not None and to_candidate == [100] else None


def _ours(group: _Group, rule: JSONObject) -> bool:
    """Whether a mirror rule copies to the candidate: then it is a rollout's, whoever has put it there."""
    return any(_is(group, to, group.versions.candidate) for to, _ in _copies(rule))


def _is(group: _Group, destination: JSONObject, subset: str) -> bool:
    return group.subset(destination) == subset


def _copies(rule: JSONObject) -> list[tuple[JSONObject, Decimal]]:
    """Where copies go, and how many of a hundred."""
    if rule.get("mirror"):
        default = {"value": rule.get("mirrorPercent", 100)}
        return [(rule["mirror"], _percent(rule.get("mirrorPercentage", default)))]
    return [
        (each["destination"], _percent(each.get("percentage", {"value": 100}))) for each in rule.get("mirrors") or ()
    ]


def _percent(given: JSONObject) -> Decimal:
    """Present but empty means none."""
    return Decimal(str(given.get("value", 0)))


# --- for people


def _shown(group: _Group, route: JSONObject, mirror: JSONObject | None, users: JSONObject | None) -> RouteChange:
    before, after = _spoken(group, group.route), _spoken(group, route)
    before = {name: before.get(name, "-") for name in after}
    for what, old, new in (("mirror", group.mirror, mirror), ("users", group.users, users)):
        words = _mirror_words if what == "mirror" else _users_words
        if old is not None or new is not None:
            before[what], after[what] = words(old), words(new)
    return RouteChange(title(group.virtual_service), group.label, before, after)


def _spoken(group: _Group, route: JSONObject) -> dict[str, str]:
    choices = destinations(route)
    weights = [int(c.get("weight", 0)) for c in choices] if len(choices) > 1 else [100]
    names = [str(c["destination"].get("subset") or c["destination"]["host"]) for c in choices]
    return dict(zip(names, percentages(weights), strict=True))


def _mirror_words(rule: JSONObject | None) -> str:
    """`50 % of GET, HEAD to v2`; `1/16 of GET, HEAD to v2, v1 (25 %)`."""
    if rule is None:
        return "off"
    methods = ", ".join(dict.fromkeys(filter(None, map(_exact, _matches(rule)))))
    key = (_matches(rule)[0].get("headers") or {}).get(sample.HEADER, {}).get("regex")
    chosen = sample.of_regex(key) if key else None
    (first, percent), *others = _copies(rule) or [({}, Decimal(0))]
    share = chosen.words if chosen else f"{percent:g} %"
    more = [f"{_name(to)} ({some:g} %)" for to, some in others]
    return f"{share}{f' of {methods}' if methods else ''} to {', '.join([_name(first), *more])}"


def _name(destination: JSONObject) -> str:
    return str(destination.get("subset") or destination.get("host", ""))


def _users_words(rule: JSONObject | None) -> str:
    if rule is None:
        return "off"
    return f"to {_name(destinations(rule)[0]['destination'])}"
