"""What somebody who watches a service's traffic wants to know of: weights, mirrors and deployments that changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from turnout.delivery.edit import JSONObject, destinations, host_of, label, routes, title
from turnout.delivery.weights import percentages

What = Literal["weights", "mirror", "deployment"]


@dataclass(frozen=True, slots=True)
class Milestone:
    """`about`: full names of services, or a workload as `namespace/name`. `text`: one line, before → after."""

    what: What
    about: tuple[str, ...]
    text: str


def routing(before: JSONObject | None, after: JSONObject | None) -> Iterator[Milestone]:
    """What one write of a VirtualService means. `before` is None when it was made, `after` when it was deleted."""
    obj = after or before
    assert obj is not None, "one of them was written"
    was, now = _routes(before), _routes(after)
    for name in dict.fromkeys([*was, *now]):
        old, new = was.get(name, _Route()), now.get(name, _Route())
        hosts = tuple(dict.fromkeys([*new.hosts, *old.hosts]))
        where = f"{title(obj)} {name}"
        if old.weights != new.weights and max(len(old.weights), len(new.weights)) > 1:
            yield Milestone("weights", hosts, f"{where}: {_moved(old.weights, new.weights)}")
        if old.mirrors != new.mirrors:
            yield Milestone("mirror", hosts, f"{where}: mirror {_list(old.mirrors)} → {_list(new.mirrors)}")


@dataclass(frozen=True, slots=True)
class Deployed:
    """What shall run of one workload. `template`: a hash of all that its pods are made from."""

    template: str
    replicas: int


def deployments(before: Mapping[str, Deployed], after: Mapping[str, Deployed]) -> Iterator[Milestone]:
    """`namespace/name` of each workload to what shall run of it, before and after a change."""
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            yield Milestone("deployment", (name,), f"{name} {'added' if new else 'removed'}")
        elif old.template != new.template:
            yield Milestone("deployment", (name,), f"{name} changed")
        elif old.replicas != new.replicas:
            yield Milestone("deployment", (name,), f"{name} replicas {old.replicas} → {new.replicas}")


@dataclass(frozen=True, slots=True)
class _Route:
    """Who gets what: destination → percent."""

    hosts: tuple[str, ...] = ()
    weights: Mapping[str, str] | tuple[()] = ()
    mirrors: tuple[str, ...] = ()


def _routes(virtual_service: JSONObject | None) -> dict[str, _Route]:
    if virtual_service is None:
        return {}
    namespace = virtual_service["metadata"].get("namespace", "")
    return {label(route, index): _route(route, namespace) for index, route in enumerate(routes(virtual_service))}


def _route(route: JSONObject, namespace: str) -> _Route:
    choices = destinations(route)
    weights = [int(choice.get("weight", 0)) for choice in choices] if len(choices) > 1 else [100] * len(choices)
    copies = [route["mirror"]] if route.get("mirror") else [m["destination"] for m in route.get("mirrors") or ()]
    everyone = [*(choice["destination"] for choice in choices), *copies]
    return _Route(
        tuple(dict.fromkeys(host_of(destination, namespace) for destination in everyone)),
        dict(zip((_name(choice["destination"]) for choice in choices), percentages(weights), strict=True)),
        tuple(_name(copy) for copy in copies),
    )


def _name(destination: JSONObject) -> str:
    return str(destination.get("subset") or destination.get("host", ""))


def _moved(old: Mapping[str, str] | tuple[()], new: Mapping[str, str] | tuple[()]) -> str:
    was, now = dict(old), dict(new)
    names = dict.fromkeys([*was, *now])
    return ", ".join(f"{name} {was.get(name, '-')} → {now.get(name, '-')}" for name in names)


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "off"
