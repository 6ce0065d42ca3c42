"""Mirrors on and off in VirtualServices: what `turnout mirror` does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from turnout.delivery.edit import (
    MIRROR_SUFFIX,
    Edit,
    JSONObject,
    Refusal,
    RouteChange,
    destinations,
    guarded,
    host_of,
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
from turnout.delivery.operations import operations as differing
from turnout.delivery.sample import KEY, Sample, of_regex

Rewrite = Callable[[JSONObject, str], list[JSONObject]]
"""A route without its mirror, and the VirtualService's namespace, to the rules that take its place."""

MIRROR_FIELDS = ("mirror", "mirrors", "mirrorPercentage", "mirrorPercent")


def mirror(
    virtual_services: Sequence[JSONObject],
    host: str,
    subset: str,
    *,
    percent: float = 100.0,
    methods: Sequence[str] = (),
    route_name: str | None = None,
) -> list[Edit] | Refusal:
    """Copies of requests for `host` (its full name) go to `subset`, from every route that serves it.

    With `methods`, a rule `<name>-mirror` for just these is put before the route; the route itself then copies nothing.
    """
    if not 0 <= percent <= 100:
        return Refusal(f"{percent} is not a percentage", "from 0 to 100")

    def mirrored(route: JSONObject, namespace: str) -> list[JSONObject]:
        target = _target(route, host, namespace, subset)
        fields = {"mirror": target, "mirrorPercentage": {"value": int(percent) if percent == int(percent) else percent}}
        if not methods:
            return [{**route, **fields}]
        matches = limited(route, methods)
        name = part_name(route, MIRROR_SUFFIX)
        return [{**route, **fields, "name": name, "match": matches}, route] if matches else [route]

    return _rewritten(virtual_services, host, route_name, mirrored)


def off(virtual_services: Sequence[JSONObject], host: str, route_name: str | None = None) -> list[Edit] | Refusal:
    """No copies of requests for `host` any more."""
    return _rewritten(virtual_services, host, route_name, lambda route, _: [route])


def _target(route: JSONObject, host: str, namespace: str, subset: str) -> dict[str, str]:
    """The host as the route itself writes it."""
    own = next(c["destination"] for c in destinations(route) if host_of(c["destination"], namespace) == host)
    return {"host": own["host"], "subset": subset, **({"port": own["port"]} if "port" in own else {})}


def limited(route: JSONObject, methods: Sequence[str]) -> list[JSONObject]:
    """Every match of the route, once per method that it lets through. Nothing of a route for other methods alone."""
    given: Sequence[JSONObject | None] = route.get("match") or (None,)
    matches: list[JSONObject] = [match or {} for match in given]
    return [
        {**match, "method": {"exact": method}}
        for match in matches
        for method in methods
        if _lets_through(match.get("method") or {}, method)
    ]


def _lets_through(wanted: JSONObject, method: str) -> bool:
    """A regex is RE2's; of those that anybody writes for methods, Python's means the same."""
    if "exact" in wanted:
        return bool(wanted["exact"] == method)
    if "prefix" in wanted:
        return method.startswith(wanted["prefix"])
    return "regex" not in wanted or re.fullmatch(wanted["regex"], method) is not None


def _rewritten(
    virtual_services: Sequence[JSONObject], host: str, route_name: str | None, rewrite: Rewrite
) -> list[Edit] | Refusal:
    edits = []
    found = False
    for virtual_service in virtual_services:
        serving = list(_serving(virtual_service, host, route_name))
        found = found or bool(serving)
        edit = _edit(virtual_service, serving, rewrite)
        if edit is not None:
            edits.append(edit)
    if not found:
        which = f" named {route_name}" if route_name else ""
        return Refusal(f"no route{which} serves {host}", "a VirtualService must route to it: `turnout init` writes one")
    return edits


def _serving(virtual_service: JSONObject, host: str, route_name: str | None) -> Iterator[int]:
    namespace = virtual_service["metadata"]["namespace"]
    http = routes(virtual_service)
    for index, route in enumerate(http):
        hosts = (host_of(choice["destination"], namespace) for choice in destinations(route))
        if host in hosts and named(http, index, route_name):
            yield index


def _edit(virtual_service: JSONObject, serving: Sequence[int], rewrite: Rewrite) -> Edit | None:
    """Operations index by index, from the last to the first, so that insertions do not move what is still to come."""
    operations: list[Mapping[str, Any]] = []
    shown: list[RouteChange] = []
    namespace = virtual_service["metadata"]["namespace"]
    http = routes(virtual_service)
    for index in reversed(serving):
        route = http[index]
        if is_users_rule(http, index):
            continue
        if is_mirror_rule(http, index):
            operations.append({"op": "remove", "path": pointer(("spec", "http", index))})
            continue
        previous = http[index - 1] if index and is_mirror_rule(http, index - 1) else route
        bare = {key: value for key, value in route.items() if key not in MIRROR_FIELDS}
        wanted = rewrite(bare, namespace)
        if wanted[-1] != route:
            operations += differing(("spec", "http", index), route, wanted[-1])
        operations += [put(("spec", "http", index), rule) for rule in reversed(wanted[:-1])]
        shown.insert(0, _shown(virtual_service, label(route, index), previous, wanted[0]))
    shown = [change for change in shown if change.before != change.after]
    if not operations or not shown:
        return None
    meta = virtual_service["metadata"]
    return Edit(meta["namespace"], meta["name"], guarded(virtual_service, operations), (), shown)


def _shown(virtual_service: JSONObject, name: str, before: JSONObject, after: JSONObject) -> RouteChange:
    return RouteChange(title(virtual_service), name, {"mirror": words(before)}, {"mirror": words(after)})


def copies(route: JSONObject) -> list[tuple[JSONObject, Decimal]]:
    """Where copies of a route's requests go, and how many of a hundred."""
    if route.get("mirror"):
        share = route.get("mirrorPercentage", {"value": route.get("mirrorPercent", 100)})
        return [(route["mirror"], _percent(share))]
    given: Sequence[JSONObject] = route.get("mirrors") or ()
    return [(each["destination"], _percent(each.get("percentage", {"value": 100}))) for each in given]


def _percent(given: JSONObject) -> Decimal:
    """Present but empty means none."""
    return Decimal(str(given.get("value", 0)))


def words(route: JSONObject | None) -> str:
    """`50 % of GET, HEAD to v2`; of a comparison `1/16 of GET, HEAD to v2, 25 % of it to v1`; `off`."""
    targets = copies(route) if route else []
    if not route or not targets:
        return "off"
    matches = [match for match in route.get("match") or () if match]
    methods = sorted({match["method"]["exact"] for match in matches if "exact" in match.get("method", {})})
    limits = f" of {', '.join(methods)}" if methods else ""
    chosen = sample_of(route)
    (first, percent), *others = targets
    share, whose = (chosen.words, " of it") if chosen else (f"{percent:g} %", "")
    more = [f", {some:g} %{whose} to {_name(to)}" for to, some in others]
    return f"{share}{limits} to {_name(first)}{''.join(more)}"


def sample_of(route: JSONObject) -> Sample | None:
    """The sample that all of a rule's matches ask for."""
    keys = {((match or {}).get("headers") or {}).get(KEY, {}).get("regex", "") for match in route.get("match") or ()}
    return of_regex(keys.pop()) if len(keys) == 1 else None


def _name(destination: JSONObject) -> str:
    return str(destination.get("subset") or destination.get("host", ""))
