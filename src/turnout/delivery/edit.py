"""A change of routes, Istio's and Gateway API's, as values: what is to be patched, and what each field was before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from turnout.mesh import names
from turnout.resources.sticky import ANNOTATION

JSONObject = Mapping[str, Any]
"""A VirtualService, or a route of Gateway API, as the API carries it."""

FieldPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One field's new value, and its old one (None: it was not there)."""

    path: FieldPath
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class RouteChange:
    """What a person is shown: one route, its destinations' weights or its mirror, before and after."""

    virtual_service: str
    route: str
    before: Mapping[str, str]
    after: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Edit:
    """Everything that changes in one object. `operations` is RFC 6902, guarded by resourceVersion."""

    namespace: str
    name: str
    operations: Sequence[Mapping[str, Any]]
    fields: Sequence[Field] = ()
    shown: Sequence[RouteChange] = ()
    kind: str = "VirtualService"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is changed."""

    message: str
    hint: str | None = None


def guarded(virtual_service: JSONObject, operations: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """With a test that nobody has written in between."""
    version = virtual_service["metadata"]["resourceVersion"]
    return [{"op": "test", "path": "/metadata/resourceVersion", "value": version}, *operations]


def put(path: FieldPath, value: object) -> Mapping[str, Any]:
    """`add` also replaces."""
    return {"op": "add", "path": pointer(path), "value": value}


def pointer(path: FieldPath) -> str:
    """RFC 6901."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def sticky_of(virtual_service: JSONObject) -> str | None:
    """What decides in its splits; None: chance."""
    found: str | None = (virtual_service["metadata"].get("annotations") or {}).get(ANNOTATION)
    return found


def stuck(virtual_service: JSONObject, wanted: str | None) -> Iterator[Mapping[str, Any]]:
    """What makes `sticky_of` the wanted one; nothing where it is."""
    path = ("metadata", "annotations", ANNOTATION)
    if sticky_of(virtual_service) == wanted:
        return
    if wanted is None:
        yield {"op": "remove", "path": pointer(path)}
    elif virtual_service["metadata"].get("annotations") is None:
        yield put(path[:2], {ANNOTATION: wanted})
    else:
        yield put(path, wanted)


def routes(virtual_service: JSONObject) -> Sequence[JSONObject]:
    found: Sequence[JSONObject] = virtual_service.get("spec", {}).get("http") or ()
    return found


def destinations(route: JSONObject) -> Sequence[JSONObject]:
    found: Sequence[JSONObject] = route.get("route") or ()
    return found


def host_of(destination: JSONObject, namespace: str) -> str:
    """The destination's host in full."""
    return names.fqdn(destination.get("host", ""), namespace)


def title(virtual_service: JSONObject) -> str:
    meta = virtual_service["metadata"]
    return f"{meta['namespace']}/{meta['name']}"


def label(route: JSONObject, index: int) -> str:
    """A route's name, else where it stands."""
    return route.get("name") or f"http[{index}]"


MIRROR_SUFFIX = "-mirror"
USERS_SUFFIX = "-users"


def named(http: Sequence[JSONObject], index: int, wanted: str | None) -> bool:
    """Whether a route is the wanted one: by its name, or by where it stands (`http[2]`). None wants every one.

    A route and the rules before it for a part of its requests go by one name.
    """
    same = range(index, route_of(http, index) + 1)
    return wanted is None or any(wanted in (http[at].get("name", ""), f"http[{at}]") for at in same)


def route_of(http: Sequence[JSONObject], index: int) -> int:
    """Where the route stands that a rule is for a part of: `x-users`, `x-mirror`, then `x`. A route is its own."""
    if is_mirror_rule(http, index):
        return index + 1
    if is_users_rule(http, index):
        return index + 1 + is_mirror_rule(http, index + 1)
    return index


def is_copy_rule(http: Sequence[JSONObject], index: int) -> bool:
    """A rule that stands before a route and does as it does, but for a part of its requests, and differently."""
    return route_of(http, index) != index


def is_mirror_rule(http: Sequence[JSONObject], index: int) -> bool:
    """A rule that `mirror` put before the route it copies."""
    return index + 1 < len(http) and _title(http, index) == _title(http, index + 1) + MIRROR_SUFFIX


def is_users_rule(http: Sequence[JSONObject], index: int) -> bool:
    """A rule that sends a group of users to a candidate, before the route that all others take."""
    following = index + 1 + is_mirror_rule(http, index + 1)
    return following < len(http) and _title(http, index) == _title(http, following) + USERS_SUFFIX


def part_name(route: JSONObject, suffix: str) -> str:
    """Of the rule for a part of a route's requests."""
    return (route.get("name") or "route") + suffix


def _title(http: Sequence[JSONObject], index: int) -> str:
    return http[index].get("name") or "route"
