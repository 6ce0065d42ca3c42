"""The routing that live VirtualServices stand for, read from their rules; or what is strange about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from turnout.delivery.edit import MIRROR_SUFFIX, USERS_SUFFIX, JSONObject, destinations, part_name
from turnout.delivery.mirroring import copies, limited, sample_of
from turnout.delivery.plan import Routing
from turnout.delivery.sample import KEY
from turnout.delivery.steered_route import SteeredRoute, group_of, matches, narrowed


@dataclass(frozen=True, slots=True)
class _Strange(Exception):
    """Never leaves this module."""

    words: str


@dataclass(frozen=True, slots=True)
class _Read:
    """What one route and its rules do. `methods`: of which requests are copied."""

    steered: SteeredRoute
    weights: tuple[int, int]
    users: str
    mirror_percent: Decimal = Decimal(0)
    compare: bool = False
    methods: frozenset[str] = frozenset()


def read(steered: Sequence[SteeredRoute]) -> Routing | str:
    """Of at least one route, none of which sends to others."""
    try:
        return _agreed([_read(each) for each in steered])
    except _Strange as strange:
        return strange.words


def lowest(stable: int, candidate: int) -> tuple[int, int]:
    """Weights that total 100, or 1000 where that is too coarse; in tenths of a percent at least."""
    tenths = candidate * 1000 // (stable + candidate)
    return (1000 - tenths, tenths) if tenths % 10 else (100 - tenths // 10, tenths // 10)


def _agreed(found: Sequence[_Read]) -> Routing:
    """A route whose requests are none of those that are copied has no rule that copies."""
    methods = sorted(frozenset[str]().union(*(each.methods for each in found)))
    copying = [each for each in found if each.mirror_percent or limited(each.steered.route, methods)] or found[:1]
    for first, other, what in _others(found, copying):
        raise _Strange(f"{first.steered.label} and {other.steered.label} {what} requests differently")
    return Routing(*found[0].weights, copying[0].mirror_percent, found[0].users, copying[0].compare)


def _others(found: Sequence[_Read], copying: Sequence[_Read]) -> Iterator[tuple[_Read, _Read, str]]:
    """Routes that do not do as the first."""
    for other in found:
        if (other.weights, other.users) != (found[0].weights, found[0].users):
            yield found[0], other, "send"
    for other in copying:
        if (other.mirror_percent, other.compare) != (copying[0].mirror_percent, copying[0].compare):
            yield copying[0], other, "copy"


def _read(steered: SteeredRoute) -> _Read:
    weights, users = _weights(steered), _users(steered)
    if steered.mirror is None:
        return _Read(steered, weights, users)
    if _given(steered.mirror) != _given(steered.route):
        raise _Strange(f"the rule {_mirror_name(steered)} has other weights than {steered.label}")
    if not steered.copies_to_candidate(steered.mirror):
        return _Read(steered, weights, users)
    methods = frozenset(str((match.get("method") or {}).get("exact", "")) for match in matches(steered.mirror))
    return _Read(steered, weights, users, *_copied(steered, steered.mirror), methods)


def _given(rule: JSONObject) -> list[tuple[JSONObject, Any]]:
    return [(choice["destination"], choice.get("weight", 0)) for choice in destinations(rule)]


def _weights(steered: SteeredRoute) -> tuple[int, int]:
    """A single destination takes all, whatever its weight; without a subset, it is stable's once it is steered."""
    if len(steered.subsets) == 1:
        return 100, 0
    given = dict(zip(steered.subsets, (c.get("weight", 0) for c in destinations(steered.route)), strict=True))
    stable, candidate = int(given[steered.versions.stable]), int(given.get(steered.versions.candidate, 0))
    if not stable + candidate or candidate * 1000 % (stable + candidate):
        raise _Strange(f"{steered.label} has weights of {stable} and {candidate}")
    return lowest(stable, candidate)


def _users(steered: SteeredRoute) -> str:
    """Whose requests go to the candidate."""
    if steered.users is None:
        return ""
    own = matches(steered.route)
    theirs = matches(steered.users)
    headers = {n: m for n, m in (theirs[0].get("headers") or {}).items() if n not in (own[0].get("headers") or {})}
    expected = [narrowed(match, headers) for match in own]
    if not headers or theirs != expected or not steered.leads_to_candidate(steered.users):
        name = part_name(steered.route, USERS_SUFFIX)
        raise _Strange(f"the rule {name} is not for a group of users alone, or sends elsewhere")
    return group_of(headers)


def _copied(steered: SteeredRoute, rule: JSONObject) -> tuple[Decimal, bool]:
    """How many percent, and whether for a comparison."""
    percents = [percent for to, percent in copies(rule) if steered.subset(to) == steered.versions.candidate]
    chosen = sample_of(rule)
    if chosen is not None and percents == [100]:
        return chosen.percent, True
    twice, own = _to_stable(steered, rule), _to_stable(steered, steered.route)
    if (
        len(percents) != 1
        or twice - own not in (0, 1)
        or any(KEY in (match.get("headers") or {}) for match in matches(rule))
    ):
        raise _Strange(f"the rule {_mirror_name(steered)} copies in a way that no rollout does")
    return percents[0], False


def _to_stable(steered: SteeredRoute, rule: JSONObject) -> int:
    return sum(steered.subset(to) == steered.versions.stable for to, _ in copies(rule))


def _mirror_name(steered: SteeredRoute) -> str:
    return part_name(steered.route, MIRROR_SUFFIX)
