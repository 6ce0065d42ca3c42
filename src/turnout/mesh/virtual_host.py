"""A set of domains that share their rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter

from turnout.memo import Memo
from turnout.mesh.rule import Rule
from turnout.mesh.tcp import TcpRule


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """Rules are tried in order; none at all answers 404. `require_tls`: whatever comes in plain text is redirected.

    `https_port`: where to; 0 for the same host and port, as Istio does it.
    `tcp`: its connections are passed on unread, as that says, and it has no rules. A plain request goes there, too.
    """

    name: str
    domains: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    require_tls: bool = False
    https_port: int = 0
    tcp: TcpRule | None = None


Shape = tuple[tuple[str, tuple[str, ...]], ...]
"""Names and domains of virtual hosts."""


def distinct(name: str, hosts: Mapping[str, tuple[VirtualHost, ...]], memo: Memo) -> Mapping[str, VirtualHost]:
    """Each name and each domain once (lower-cased; the first keeps it), sorted: Envoy refuses anything else.

    `name`: the table's; `hosts`: in any groups.
    """
    shapes = memo.each(("shapes", name), (hosts,), lambda _, found: tuple((each.name, each.domains) for each in found))
    kept = memo.of(("domains", name), (shapes,), lambda: _domains(shapes))
    found = memo.each(("distinct", name), (hosts, kept), _with_domains)
    one = memo.grouped(("by name", name), found, memo.each(("names", name), (found,), _names))
    named = memo.each(("one by one", name), (one,), lambda own, groups: next(h for h in groups[0] if h.name == own))
    return memo.ordered(("virtual hosts", name), named, attrgetter("name"))


def _names(_: str, hosts: tuple[VirtualHost, ...]) -> tuple[str, ...]:
    return tuple(host.name for host in hosts)


def _domains(shapes: Mapping[str, Shape]) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Of each host those that it keeps; of one that keeps none there is nothing left."""
    names: set[str] = set()
    seen: set[str] = set()
    kept = {}
    for key, shape in shapes.items():
        own = []
        for name, domains in shape:
            own.append(() if name in names else _unseen(domains, seen))
            names.update([name] if own[-1] else [])
        kept[key] = tuple(own)
    return kept


def _unseen(domains: Iterable[str], seen: set[str]) -> tuple[str, ...]:
    """And from now on they are seen."""
    found = tuple(d for d in dict.fromkeys(d.lower() for d in domains) if d not in seen)
    seen.update(found)
    return found


def _with_domains(_: str, hosts: tuple[VirtualHost, ...], kept: tuple[tuple[str, ...], ...]) -> tuple[VirtualHost, ...]:
    return tuple(
        host if domains == host.domains else replace(host, domains=domains)
        for host, domains in zip(hosts, kept, strict=True)
        if domains
    )
