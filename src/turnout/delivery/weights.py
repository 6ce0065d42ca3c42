"""Weights in percent to whole numbers in VirtualServices: what `turnout shift` and the dashboard's sliders do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from turnout.delivery.edit import (
    Edit,
    Field,
    JSONObject,
    Refusal,
    RouteChange,
    destinations,
    guarded,
    host_of,
    is_copy_rule,
    label,
    named,
    put,
    routes,
    title,
)

HUNDRED = Decimal(100)
_MAX_DECIMALS = 3


def shift(
    virtual_services: Sequence[JSONObject],
    host: str,
    wanted: Mapping[str, Decimal],
    route_name: str | None = None,
) -> list[Edit] | Refusal:
    """Sets `wanted` (subset → percent) on every HTTP route that lists each of these subsets and has two destinations.

    `host` is the service's full name. What is not named shares the rest to 100, in the proportion it has now.
    """
    refusal = _unfit(wanted)
    if refusal:
        return refusal
    edits: list[Edit] = []
    matching = 0
    for virtual_service in virtual_services:
        fields, shown = [], []
        for index, route in _candidates(virtual_service, host, wanted, route_name):
            matching += 1
            split = _split(_weights(route), _positions(virtual_service, route, host, wanted))
            if isinstance(split, Refusal):
                return split
            fields += _fields(route, index, split)
            shown.append(_shown(virtual_service, route, index, split))
        if shown:
            edits.append(_edit(virtual_service, fields, shown))
    return edits if matching else _nothing(virtual_services, host, wanted, route_name)


def spread(virtual_service: JSONObject, index: int, percents: Sequence[Decimal]) -> Edit | Refusal:
    """Sets all weights of one HTTP route, destination by destination, and those of the rule that mirrors a part of it.

    Unlike `shift` it can tell destinations apart that are no subsets.
    """
    http = routes(virtual_service)
    keys = [_key(choice["destination"]) for choice in destinations(http[index])]
    if len(keys) < 2 or len(keys) != len(percents):
        return Refusal(f"{label(http[index], index)} has {len(keys)} destinations", "look at the route as it is now")
    if refusal := _unfit(dict(zip(keys, percents, strict=True))):
        return refusal
    fields: list[Field] = []
    shown: list[RouteChange] = []
    split = _split(_weights(http[index]), dict(enumerate(percents)))
    if isinstance(split, Refusal):
        return split
    for at in (index - 1, index) if index and is_copy_rule(http, index - 1) else (index,):
        if len(destinations(http[at])) == len(split):
            fields += _fields(http[at], at, split)
            shown.append(_shown(virtual_service, http[at], at, split))
    return _edit(virtual_service, fields, shown)


def _edit(virtual_service: JSONObject, fields: Sequence[Field], shown: Sequence[RouteChange]) -> Edit:
    operations = guarded(virtual_service, [put(field.path, field.after) for field in fields])
    meta = virtual_service["metadata"]
    return Edit(meta["namespace"], meta["name"], operations, fields, shown)


def _unfit(wanted: Mapping[str, Decimal]) -> Refusal | None:
    for subset, weight in wanted.items():
        exponent = weight.normalize().as_tuple().exponent
        if not 0 <= weight <= HUNDRED:
            return Refusal(f"{subset}={weight} is not a percentage", "weights are percent, from 0 to 100")
        if isinstance(exponent, int) and -exponent > _MAX_DECIMALS:
            return Refusal(f"{subset}={weight} is finer than 0.001 %", "give at most three decimals")
    total = sum(wanted.values())
    hint = "what is not named gets the rest to 100"
    return Refusal(f"weights total {total}, more than 100", hint) if total > HUNDRED else None


def _candidates(
    virtual_service: JSONObject, host: str, wanted: Mapping[str, Decimal], route_name: str | None
) -> Iterator[tuple[int, JSONObject]]:
    namespace = virtual_service["metadata"]["namespace"]
    http = routes(virtual_service)
    for index, route in enumerate(http):
        listed = {
            choice["destination"].get("subset", "")
            for choice in destinations(route)
            if host_of(choice["destination"], namespace) == host
        }
        if len(destinations(route)) >= 2 and wanted.keys() <= listed and named(http, index, route_name):
            yield index, route


def _weights(route: JSONObject) -> list[Decimal]:
    return [Decimal(str(choice.get("weight", 0))) for choice in destinations(route)]


def _positions(
    virtual_service: JSONObject, route: JSONObject, host: str, wanted: Mapping[str, Decimal]
) -> dict[int, Decimal]:
    """Position in the route → percent, for the subsets that were named."""
    namespace = virtual_service["metadata"]["namespace"]
    return {
        at: wanted[choice["destination"]["subset"]]
        for at, choice in enumerate(destinations(route))
        if choice["destination"].get("subset", "") in wanted and host_of(choice["destination"], namespace) == host
    }


def balanced(now: Sequence[Decimal], fixed: Mapping[int, Decimal]) -> list[Decimal]:
    """Percents that total 100: `fixed` (position → percent) as they are, the others in the proportion of `now`.

    `fixed` is at most 100 in all, and leaves one out.
    """
    split = _split(now, fixed)
    assert not isinstance(split, Refusal), "one is left to take the rest"
    return [HUNDRED * weight / sum(split) for weight in split]


def _split(now: Sequence[Decimal], fixed: Mapping[int, Decimal]) -> list[int] | Refusal:
    """Whole weights that total a power of ten: 0.1 % is 1 of 1000."""
    rest = HUNDRED - sum(fixed.values())
    others = [at for at in range(len(now)) if at not in fixed]
    if not others and rest:
        return Refusal(f"weights total {HUNDRED - rest}, not 100", "name fewer subsets, and the others share the rest")
    decimals = max((_decimals(weight) for weight in fixed.values()), default=0)
    scale = 10**decimals
    weights = {at: int(weight * scale) for at, weight in fixed.items()}
    weights |= _shares([now[at] for at in others], others, int(rest * scale))
    return [weights[at] for at in range(len(now))]


def _decimals(weight: Decimal) -> int:
    exponent = weight.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


def _shares(now: Sequence[Decimal], positions: Sequence[int], total: int) -> dict[int, int]:
    """Largest remainders, so that the parts total exactly; all zero share equally."""
    parts = now if sum(now) else [Decimal(1)] * len(now)
    exact = [total * part / sum(parts) for part in parts]
    shares = [int(share) for share in exact]
    by_remainder = sorted(range(len(parts)), key=lambda at: exact[at] - shares[at], reverse=True)
    for at in by_remainder[: total - sum(shares)]:
        shares[at] += 1
    return dict(zip(positions, shares, strict=True))


def _fields(route: JSONObject, index: int, split: Sequence[int]) -> list[Field]:
    return [
        Field(("spec", "http", index, "route", at, "weight"), choice.get("weight"), weight)
        for at, (choice, weight) in enumerate(zip(destinations(route), split, strict=True))
    ]


def _shown(virtual_service: JSONObject, route: JSONObject, index: int, split: Sequence[int]) -> RouteChange:
    keys = [_key(choice["destination"]) for choice in destinations(route)]
    before = percentages([int(weight) for weight in _weights(route)])
    after = percentages(split)
    return RouteChange(
        title(virtual_service),
        label(route, index),
        dict(zip(keys, before, strict=True)),
        dict(zip(keys, after, strict=True)),
    )


def _key(destination: JSONObject) -> str:
    return str(destination.get("subset") or destination.get("host", ""))


def percentages(weights: Sequence[int]) -> list[str]:
    """Weights as percent of their total, without needless zeros."""
    total = sum(weights)
    return [f"{100 * weight / total:.3f}".rstrip("0").rstrip(".") if total else "0" for weight in weights]


def _nothing(
    virtual_services: Sequence[JSONObject], host: str, wanted: Mapping[str, Decimal], route_name: str | None
) -> Refusal:
    """Says what could be shifted instead."""
    subsets: dict[str, None] = {}
    route_names: dict[str, None] = {}
    for virtual_service in virtual_services:
        namespace = virtual_service["metadata"]["namespace"]
        for index, route in enumerate(routes(virtual_service)):
            own = [c["destination"] for c in destinations(route) if host_of(c["destination"], namespace) == host]
            if own and len(destinations(route)) >= 2:
                subsets.update(dict.fromkeys(d.get("subset", "") for d in own if d.get("subset")))
                route_names[label(route, index)] = None
    which = f" named {route_name}" if route_name else ""
    message = f"no route{which} splits {host} between {', '.join(wanted)} and something else"
    if not subsets:
        return Refusal(message, "a VirtualService must list two destinations: `turnout init` writes one")
    return Refusal(message, f"subsets that share a route: {', '.join(subsets)}; routes: {', '.join(route_names)}")


def heaviest(
    virtual_services: Sequence[JSONObject], host: str, route_name: str | None = None, *, without: str = ""
) -> str | None:
    """The subset of `host` that gets the most, `without` left out; None where no route names one."""
    total: dict[str, Decimal] = {}
    for virtual_service in virtual_services:
        namespace, http = virtual_service["metadata"]["namespace"], routes(virtual_service)
        for index in range(len(http)):
            if is_copy_rule(http, index) or not named(http, index, route_name):
                continue
            choices = destinations(http[index])
            weights = _weights(http[index]) if len(choices) > 1 else [HUNDRED] * len(choices)
            for choice, weight in zip(choices, weights, strict=True):
                subset = choice["destination"].get("subset")
                if subset and subset != without and host_of(choice["destination"], namespace) == host:
                    total[subset] = total.get(subset, Decimal(0)) + weight
    return max(total, key=lambda subset: total[subset], default=None)
