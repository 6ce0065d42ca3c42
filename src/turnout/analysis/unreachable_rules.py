"""Rules of a VirtualService that no request can reach, because an earlier one takes everything they would take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from turnout.analysis.cover import covers, takes_all_paths
from turnout.analysis.destinations import where
from turnout.analysis.inventory import Inventory
from turnout.analysis.istio_codes import istio_problem
from turnout.problem import Problem
from turnout.resources.codes import problem
from turnout.resources.virtual_service import HTTPMatchRequest, TCPRoute, TLSRoute, VirtualService

MOST_COMPARED = 300
"""Matches of one VirtualService that are held against each other: that takes time with their square."""

ONLY_LAST = "only the last rule can be without a match"
AFTER_ALL = "a rule without a match comes before it"
ALL_USED = "earlier rules have all of its matches"


@dataclass(frozen=True, slots=True)
class _Match:
    """One match with its place. `rule`: how messages call its rule."""

    match: HTTPMatchRequest
    path: str
    rule: str

    @property
    def prefix(self) -> str:
        return (self.match.uri.prefix if self.match.uri else None) or ""


def unreachable_rules(inventory: Inventory) -> Iterator[Problem]:
    """IST0130: a rule that is never reached; IST0131: a match that is; both as far as Istio's validation sees it.

    TNO308: what is hidden, too, when all that a match asks for is compared.
    """
    for owner in inventory.mesh.virtual_services:
        spec = owner.spec
        yield from _http(owner) if len(spec.http) > 1 or any(len(http.match) > 1 for http in spec.http) else ()
        yield from _layer4(owner, "tcp", spec.tcp)
        yield from _layer4(owner, "tls", spec.tls)


def _http(owner: VirtualService) -> Iterator[Problem]:
    earlier: list[_Match] = []
    catch_all = ""
    for index, http in enumerate(owner.spec.http):
        path, name = f"spec.http[{index}]", f'"{http.name}"' if http.name else f"#{index}"
        if catch_all:
            yield _unreachable(owner, path, name, AFTER_ALL if http.match else ONLY_LAST)
            continue
        own = [
            _Match(replace(m, name="", stat_prefix=""), f"{path}.match[{i}]", name) for i, m in enumerate(http.match)
        ]
        repeated = 0
        for match in own[: MOST_COMPARED - len(earlier)]:
            found = _covering(earlier, match)
            repeated += found is not None and found.match == match.match
            yield from [] if found is None else [_hidden(owner, match, found)]
            earlier += [] if http.delegate else [match]  # which takes what its delegate takes, too
        if own and repeated == len(own):
            yield _unreachable(owner, path, name, ALL_USED)
        catch_all = "" if http.match or http.delegate else name


def _covering(earlier: Sequence[_Match], match: _Match) -> _Match | None:
    """The first that leaves nothing over; one that says the same before one that says more."""
    same = next((other for other in earlier if other.match == match.match), None)
    return same or next((other for other in earlier if covers(other.match, match.match)), None)


def _hidden(owner: VirtualService, match: _Match, by: _Match) -> Problem:
    place, hint = where(owner, match.path), "put the narrower match first, or remove it"
    if match.match == by.match:
        return istio_problem("IST0131", place, f"rule {by.rule} has the same match before", "remove one of the two")
    if match.prefix and by.prefix and match.prefix != by.prefix:
        message = (
            f"{by.path.removeprefix('spec.')} of rule {by.rule} takes all of {match.prefix} before: it is {by.prefix}"
        )
        return istio_problem("IST0131", place, message, hint)
    everything = by.match.uri is None or takes_all_paths(by.match.uri)
    what = "takes every request before" if everything else "takes whatever this would take"
    return problem("TNO308", place, f"{by.path.removeprefix('spec.')} of rule {by.rule} {what}", hint)


def _layer4(owner: VirtualService, kind: str, routes: Sequence[TCPRoute | TLSRoute]) -> Iterator[Problem]:
    seen: list[tuple[object, str]] = []
    catch_all = False
    for index, route in enumerate(routes):
        path, name = f"spec.{kind}[{index}]", f"#{index}"
        if catch_all:
            yield _unreachable(owner, path, name, AFTER_ALL if route.match else ONLY_LAST)
            continue
        repeated = 0
        for at, match in enumerate(route.match):
            before = next((rule for other, rule in seen if other == match), None)
            if before:
                repeated += 1
                message = f"rule {before} has the same match before"
                yield istio_problem("IST0131", where(owner, f"{path}.match[{at}]"), message, "remove one of the two")
            seen.append((match, name))
        if route.match and repeated == len(route.match):
            yield _unreachable(owner, path, name, ALL_USED)
        catch_all = not route.match


def _unreachable(owner: VirtualService, path: str, name: str, reason: str) -> Problem:
    hint = "put it before the rule that takes everything, or remove it"
    return istio_problem("IST0130", where(owner, path), f"rule {name} is never used: {reason}", hint)
