"""Weights in percent to whole numbers in objects: what `turnout shift` and the dashboard's sliders do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from turnout.delivery.edit import Edit, Field, JSONObject, Refusal, RouteChange, guarded, put, title
from turnout.delivery.splits import Split, received, splits

HUNDRED = Decimal(100)
_MAX_DECIMALS = 3


def shift(
    objects: Sequence[JSONObject],
    host: str,
    wanted: Mapping[str, Decimal],
    route_name: str | None = None,
) -> list[Edit] | Refusal:
    """Sets `wanted` (version → percent) on every rule that lists each of these versions and has two destinations.

    `objects`: VirtualServices, and routes of Gateway API, where versions are Services. `host` is the service's full
    name. What is not named shares the rest to 100, in the proportion it has now.
    """
    refusal = _unfit(wanted)
    if refusal:
        return refusal
    edits: list[Edit] = []
    for obj in objects:
        changed: list[tuple[Split, list[int]]] = []
        for split in _candidates(obj, host, wanted, route_name):
            versions = split.versions(host)
            fixed = {at: wanted[version] for at, version in versions.items() if version in wanted}
            weights = _split(split.weights, fixed)
            if isinstance(weights, Refusal):
                return weights
            changed.append((split, weights))
        if changed:
            edits.append(_edit(obj, changed))
    return edits or _nothing(objects, host, wanted, route_name)


def spread(virtual_service: JSONObject, index: int, percents: Sequence[Decimal]) -> Edit | Refusal:
    """Sets all weights of one HTTP route or rule, choice by choice, and those of the rule that mirrors a part of it.

    Unlike `shift` it can tell destinations apart that are no subsets.
    """
    found = [split for split in splits(virtual_service) if split.path[1] in ("http", "rules")]
    keys = [choice.shown for choice in found[index].choices]
    if len(keys) < 2 or len(keys) != len(percents):
        return Refusal(f"{found[index].label} has {len(keys)} destinations", "look at the route as it is now")
    if refusal := _unfit(dict(zip(keys, percents, strict=True))):
        return refusal
    weights = _split(found[index].weights, dict(enumerate(percents)))
    if isinstance(weights, Refusal):
        return weights
    together = found[index - 1 : index + 1] if index and found[index - 1].is_copy else found[index : index + 1]
    return _edit(virtual_service, [(split, weights) for split in together if len(split.choices) == len(weights)])


def _edit(obj: JSONObject, changed: Sequence[tuple[Split, Sequence[int]]]) -> Edit:
    fields = [field for split, weights in changed for field in _fields(split, weights)]
    shown = [_shown(obj, split, weights) for split, weights in changed]
    operations = guarded(obj, [put(field.path, field.after) for field in fields])
    meta = obj["metadata"]
    return Edit(meta["namespace"], meta["name"], operations, fields, shown, obj.get("kind", "VirtualService"))


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


def _candidates(obj: JSONObject, host: str, wanted: Mapping[str, Decimal], route_name: str | None) -> Iterator[Split]:
    for split in splits(obj):
        listed = split.versions(host).values()
        if len(split.choices) >= 2 and wanted.keys() <= set(listed) and split.is_called(route_name):
            yield split


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


def _fields(split: Split, weights: Sequence[int]) -> list[Field]:
    return [
        Field((*split.path, at, "weight"), choice.written, weight)
        for at, (choice, weight) in enumerate(zip(split.choices, weights, strict=True))
    ]


def _shown(obj: JSONObject, split: Split, weights: Sequence[int]) -> RouteChange:
    keys = [choice.shown for choice in split.choices]
    before = percentages([int(weight) for weight in split.weights])
    after = percentages(weights)
    return RouteChange(
        title(obj), split.label, dict(zip(keys, before, strict=True)), dict(zip(keys, after, strict=True))
    )


def percentages(weights: Sequence[int]) -> list[str]:
    """Weights as percent of their total, without needless zeros."""
    total = sum(weights)
    return [f"{100 * weight / total:.3f}".rstrip("0").rstrip(".") if total else "0" for weight in weights]


def _nothing(
    objects: Sequence[JSONObject], host: str, wanted: Mapping[str, Decimal], route_name: str | None
) -> Refusal:
    """Says what could be shifted instead."""
    own = [split for obj in objects for split in splits(obj) if len(split.choices) >= 2 and split.versions(host)]
    versions = dict.fromkeys(version for split in own for version in split.versions(host).values() if version)
    which = f" named {route_name}" if route_name else ""
    message = f"no route{which} splits {host} between {', '.join(wanted)} and something else"
    if not versions:
        return Refusal(message, "a VirtualService must list two destinations: `turnout init` writes one")
    labels = dict.fromkeys(split.label for split in own)
    return Refusal(message, f"versions that share a route: {', '.join(versions)}; routes: {', '.join(labels)}")


def heaviest(
    objects: Sequence[JSONObject], host: str, route_name: str | None = None, *, without: str = ""
) -> str | None:
    """The version of `host` that gets the most, `without` left out; None where no route names one."""
    found = (split for obj in objects for split in splits(obj))
    own = [split for split in found if not split.is_copy and split.is_called(route_name)]
    total = {version: weight for version, weight in received(own, host).items() if version != without}
    return max(total, key=lambda version: total[version], default=None)
