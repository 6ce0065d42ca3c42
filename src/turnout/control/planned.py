"""Two sets of objects as two worlds, as if everything ran: what changes between them, for `turnout plan`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from turnout.control.presumed import presumed
from turnout.control.world import World, gateway_ports, proxies
from turnout.delivery.traffic_plan.entrance import Side
from turnout.delivery.traffic_plan.plan import TrafficPlan, traffic_plan
from turnout.inputs.apply import Create, Delete, Patch, content, key_of
from turnout.inputs.drift import differences
from turnout.mesh.proxy import Egress, Proxy
from turnout.problem import Problem

Object = Mapping[str, Any]
FIRST_PORT = 10_000
"""Where ways out would listen; nobody does."""


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """`change` is `created`, `changed` or `deleted`; `fields`: which ones, of what is changed."""

    kind: str
    namespace: str
    name: str
    change: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Planned:
    """`problems` come with the change, `solved` go with it."""

    objects: tuple[ObjectChange, ...]
    traffic: TrafficPlan
    problems: tuple[Problem, ...]
    solved: tuple[Problem, ...]

    @property
    def changes(self) -> bool:
        """Whether anything would be different."""
        return bool(self.objects or self.traffic.config)


def planned(before: Sequence[Object], after: Sequence[Object]) -> Planned:
    """Objects without errors in them."""
    was, now = presumed(before), presumed(after)
    old, new = dict.fromkeys(was.problems), dict.fromkeys(now.problems)
    return Planned(
        tuple(_objects(before, after)),
        traffic_plan(*_sides(was, before, now, after)),
        tuple(problem for problem in new if problem not in old),
        tuple(problem for problem in old if problem not in new),
    )


def worlds_of(before: Sequence[Object], after: Sequence[Object]) -> tuple[Side, Side]:
    """Both sides of the plan, as callers have them."""
    return _sides(presumed(before), before, presumed(after), after)


def _sides(was: World, before: Sequence[Object], now: World, after: Sequence[Object]) -> tuple[Side, Side]:
    """A way out has the same port on both."""
    names = sorted({*_callers(was, before), *_callers(now, after)})
    egress = {name: FIRST_PORT + at for at, name in enumerate(names)}
    return Side.of(was.mesh, _proxies(was, before, egress)), Side.of(now.mesh, _proxies(now, after, egress))


def applied(actions: Iterable[Create | Patch | Delete], live: Sequence[Object]) -> list[Object]:
    """The live objects as they would be."""
    objects = {key_of(obj): obj for obj in live}
    for action in actions:
        if isinstance(action, Delete):
            objects.pop((action.kind, action.namespace, action.name), None)
        else:
            objects[key_of(action.object)] = action.object
    return list(objects.values())


def _callers(found: World, objects: Iterable[Object]) -> Iterator[tuple[str, str]]:
    """Every workload, and for each namespace somebody without a name: manifests need not say who calls."""
    yield from found.callers
    for obj in objects:
        if namespace := obj["metadata"].get("namespace"):
            yield namespace, ""


def _proxies(found: World, objects: Sequence[Object], egress: Mapping[tuple[str, str], int]) -> list[Proxy]:
    named = proxies(found, {port: port for port in gateway_ports(found.mesh)}, egress)
    unnamed = sorted(set(_callers(found, objects)) - found.callers.keys())
    return [*named, *(Egress(namespace, name, egress[namespace, name]) for namespace, name in unnamed)]


def _objects(before: Sequence[Object], after: Sequence[Object]) -> Iterator[ObjectChange]:
    old, new = ({key_of(obj): content(obj) for obj in objects} for objects in (before, after))
    for key in sorted({**old, **new}, key=lambda key: (key is None, key and (key[1], key[0].kind, key[2]))):
        if key is None:
            continue
        kind, namespace, name = key[0].kind, key[1], key[2]
        if key not in old or key not in new:
            yield ObjectChange(kind, namespace, name, "created" if key in new else "deleted")
        elif fields := tuple(str(each.field) for each in differences(new[key], old[key])):
            yield ObjectChange(kind, namespace, name, "changed", fields)
