"""Which rules of VirtualServices some request can meet, and in which order they are tried where several are merged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from turnout.mesh.mesh import Mesh
from turnout.mesh.proxy import Proxy
from turnout.mesh.routing import RouteTable, entrances, table, table_names
from turnout.mesh.rule import Rule, RuleKey
from turnout.mesh.virtual_host import VirtualHost
from turnout.resources.virtual_service import HTTPMatchRequest, VirtualService


@dataclass(frozen=True, slots=True)
class Merged:
    """A host that several VirtualServices speak for together at a gateway. `host`: as `reviews.test:80`.

    A delegate speaks in the place of the rule that delegates to it.
    """

    host: str
    order: tuple[RuleKey, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """`met`: the rules that some request may be answered by. `merged`: with the order in which rules are tried."""

    met: frozenset[RuleKey]
    merged: tuple[Merged, ...]

    def why_not(self, owner: VirtualService, index: int, match_index: int) -> str:
        """Why a rule answers no request, in words; empty when it may."""
        meta, http = owner.metadata, owner.spec.http[index]
        if (meta.namespace, meta.name, index, match_index) in self.met:
            return ""
        if http.delegate:
            return "its delegate is not there, or none of its routes fits, or what comes before takes every request"
        before = _catch_all_before(owner, index, match_index)
        if before is not None:
            return f"{before} takes every request before"
        if not any(key[:2] == (meta.namespace, meta.name) for key in self.met):
            if not owner.spec.hosts:
                return "no VirtualService that is in force delegates to it"
            return "no Gateway serves its hosts, or another VirtualService speaks for them"
        return "nobody calls in that way, or what comes before takes every request"


def reach(mesh: Mesh, proxies: Sequence[Proxy]) -> Reach:
    """Looks through the very tables that are compiled, for rules of VirtualServices."""
    met: set[RuleKey] = set()
    merged: list[Merged] = []
    for host in (host for found in _tables(mesh, proxies) for host in found.hosts):
        tried = [rule for rule in _tried(host) if not rule.gateway_api]
        met.update(place for rule in tried for place in rule.places)
        order = tuple(rule.places[-1] for rule in tried if rule.places)
        if len({key[:2] for key in order}) > 1:
            merged.append(Merged(host.name, order))
    return Reach(frozenset(met), tuple(merged))


def _tables(mesh: Mesh, proxies: Sequence[Proxy]) -> Iterable[RouteTable]:
    entered = [entrance for proxy in proxies for entrance in entrances(mesh, proxy)]
    named = dict(zip(table_names(mesh, entered), entered, strict=True))
    return (table(mesh, proxy, name) for name, proxy in named.items())


def _tried(host: VirtualHost) -> Iterator[Rule]:
    """Up to and with the first that takes everything."""
    for rule in host.rules:
        yield rule
        if rule.catch_all:
            return


def _catch_all_before(owner: VirtualService, index: int, match_index: int) -> str | None:
    """The first rule of the same VirtualService that takes whatever comes, from whomever."""
    for at, http in enumerate(owner.spec.http[: index + 1]):
        for match_at, match in enumerate(http.match or (None,)):
            if (at, match_at) >= (index, match_index):
                return None
            if http.delegate is None and _is_for_all(match) and Rule(0, "", http=http, match=match).catch_all:
                return http.name or f"http[{at}]"
    return None


def _is_for_all(match: HTTPMatchRequest | None) -> bool:
    return match is None or not (match.port or match.gateways or match.source_labels or match.source_namespace)
