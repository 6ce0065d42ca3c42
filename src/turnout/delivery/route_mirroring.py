"""Mirrors on and off in routes of Gateway API, whose versions are Services: what `turnout mirror` does there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from turnout.delivery.edit import (
    MIRROR_SUFFIX,
    Edit,
    JSONObject,
    Refusal,
    RouteChange,
    guarded,
    is_mirror_rule,
    part_name,
    title,
)
from turnout.delivery.operations import operations
from turnout.delivery.splits import Split, splits

MIRROR: Final = "RequestMirror"
HUNDRED: Final = Decimal(100)
_FINEST: Final = 1000
"""Parts of a percent that a share can be given in."""

Rewrite = Callable[[JSONObject], list[JSONObject]]
"""A rule without its mirror to the rules that take its place."""


def mirror(
    objects: Sequence[JSONObject],
    host: str,
    service: str,
    *,
    percent: float = 100.0,
    methods: Sequence[str] = (),
    route_name: str | None = None,
) -> list[Edit] | Refusal:
    """Copies of requests for `host` (its full name) go to the Service `service`, from every rule that serves it.

    With `methods`, a rule `<name>-mirror` for just these is put before; it says more, so that it is tried first.
    """
    if not 0 <= percent <= 100:
        return Refusal(f"{percent} is not a percentage", "from 0 to 100")
    if methods and any(obj["kind"] == "GRPCRoute" and list(_serving(obj, host, route_name)) for obj in objects):
        return Refusal("a GRPCRoute cannot be limited to methods of HTTP", "gRPC has POST only: leave --methods out")

    def mirrored(rule: JSONObject) -> list[JSONObject]:
        copying = _with(rule, [*_others(rule), _filter(rule, service, Decimal(str(percent)))])
        if not methods:
            return [copying]
        matches = _limited(rule, methods)
        name = part_name(rule, MIRROR_SUFFIX)
        return [{**copying, "name": name, "matches": matches}, rule] if matches else [rule]

    return _rewritten(objects, host, route_name, mirrored)


def off(objects: Sequence[JSONObject], host: str, route_name: str | None = None) -> list[Edit] | Refusal:
    """No copies of requests for `host` any more."""
    return _rewritten(objects, host, route_name, lambda rule: [rule])


def serves(objects: Sequence[JSONObject], host: str) -> bool:
    """Whether some route of Gateway API does."""
    return any(True for obj in _routes(objects) for _ in _serving(obj, host, None))


def _routes(objects: Sequence[JSONObject]) -> list[JSONObject]:
    return [obj for obj in objects if obj.get("kind") in ("HTTPRoute", "GRPCRoute")]


def _serving(obj: JSONObject, host: str, route_name: str | None) -> Iterator[tuple[int, Split]]:
    for index, split in enumerate(splits(obj)):
        if split.versions(host) and split.is_called(route_name):
            yield index, split


def _rewritten(
    objects: Sequence[JSONObject], host: str, route_name: str | None, rewrite: Rewrite
) -> list[Edit] | Refusal:
    serving = [(obj, dict(_serving(obj, host, route_name))) for obj in _routes(objects)]
    if not any(own for _, own in serving):
        which = f" named {route_name}" if route_name else ""
        return Refusal(f"no route{which} serves {host}", "an HTTPRoute must name it as a parent or a backend")
    edits = (_edit(obj, own, rewrite) for obj, own in serving)
    return [edit for edit in edits if edit is not None]


def _edit(obj: JSONObject, serving: Mapping[int, Split], rewrite: Rewrite) -> Edit | None:
    before: Sequence[JSONObject] = obj["spec"]["rules"]
    after: list[JSONObject] = []
    shown: list[RouteChange] = []
    for index, rule in enumerate(before):
        if index not in serving:
            after.append(rule)
        elif not is_mirror_rule(before, index):
            previous = before[index - 1] if index and is_mirror_rule(before, index - 1) else rule
            wanted = rewrite(_with(rule, _others(rule)))
            after += wanted
            change = {"mirror": words(previous)}, {"mirror": words(wanted[0])}
            shown.append(RouteChange(title(obj), serving[index].label, *change))
    changed = list(operations(("spec", "rules"), list(before), after))
    if not changed:
        return None
    meta = obj["metadata"]
    seen = [change for change in shown if change.before != change.after]
    return Edit(meta["namespace"], meta["name"], guarded(obj, changed), (), seen, obj["kind"])


def _others(rule: JSONObject) -> list[JSONObject]:
    return [each for each in rule.get("filters") or () if each.get("type") != MIRROR]


def _with(rule: JSONObject, filters: Sequence[JSONObject]) -> JSONObject:
    bare = {key: value for key, value in rule.items() if key != "filters"}
    return {**bare, "filters": [*filters]} if filters else bare


def _filter(rule: JSONObject, service: str, percent: Decimal) -> dict[str, Any]:
    """To the port and in the namespace of the backend that the rule names first."""
    own: JSONObject = next(iter(rule.get("backendRefs") or ()), {})
    target = {"name": service, **{key: own[key] for key in ("namespace", "port") if key in own}}
    return {"type": MIRROR, "requestMirror": {"backendRef": target, **_share(percent)}}


def _share(percent: Decimal) -> dict[str, Any]:
    """All is what it is without; a percent is a whole number."""
    if percent == HUNDRED:
        return {}
    if percent == int(percent):
        return {"percent": int(percent)}
    return {"fraction": {"numerator": int(percent * _FINEST), "denominator": int(HUNDRED) * _FINEST}}


def _limited(rule: JSONObject, methods: Sequence[str]) -> list[JSONObject]:
    """Every match of the rule, once per method that it lets through."""
    given: Sequence[JSONObject] = rule.get("matches") or ({},)
    return [
        {**match, "method": method} for match in given for method in methods if match.get("method", method) == method
    ]


def words(rule: JSONObject) -> str:
    """`50 % of GET, HEAD to reviews-v2`; `off`."""
    copies = [each["requestMirror"] for each in rule.get("filters") or () if each.get("type") == MIRROR]
    if not copies:
        return "off"
    methods = sorted({match["method"] for match in rule.get("matches") or () if "method" in match})
    limits = f" of {', '.join(methods)}" if methods else ""
    return ", ".join(f"{_percent(copy):g} %{limits} to {copy['backendRef']['name']}" for copy in copies)


def _percent(copy: JSONObject) -> Decimal:
    if "fraction" in copy:
        return HUNDRED * int(copy["fraction"]["numerator"]) / int(copy["fraction"].get("denominator", HUNDRED))
    return Decimal(copy.get("percent", HUNDRED))
