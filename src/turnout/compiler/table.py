"""Route tables as Envoy gets them: virtual hosts are made one by one, and put together as bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from envoy.config.route.v3.route_pb2 import RouteConfiguration

from turnout.compiler import mirror
from turnout.compiler.config import Part, Versioned
from turnout.compiler.destinations import Destinations, Outlook
from turnout.compiler.route import Scope, route_configuration, virtual_host
from turnout.memo import Memo
from turnout.mesh.names import fqdn
from turnout.mesh.routing import RouteTable, Rule, Target, VirtualHost
from turnout.mesh.tcp import TcpRule


@dataclass(frozen=True, slots=True)
class Made:
    """A virtual host as the one of its table, serialized. `copied`: where its rules send copies to, if it exists."""

    part: Part
    copied: tuple[Target, ...]


def hosts(table: RouteTable, sight: str, found: Destinations, memo: Memo) -> Mapping[str, Made]:
    """A table's virtual hosts. `sight`: its callers'.

    Besides its rules, each depends on what is known of the destinations that they name.
    """
    named = table.by_name
    mentioned = memo.each(("mentioned", table.name), (named,), _mentioned)
    outlook = found.outlook(sight, memo)
    known = memo.of(("known", table.name), (mentioned, outlook), lambda: _known(mentioned, outlook))

    def made(_: str, host: VirtualHost, __: object) -> Made:
        return _made(host, found.scope, tunnelled=table.block_all)

    return memo.each(("virtual hosts", table.name), (named, known), made, (table.block_all,))


def whole(table: RouteTable, made: Mapping[str, Made], memo: Memo) -> Versioned:
    def joined() -> Versioned:
        rest = route_configuration(table.name, block_all=table.block_all)
        # What refuses all other hosts comes last, as in the order of the list.
        parts = [*(host.part for host in made.values()), Part.of(rest)]
        return Versioned.joined(RouteConfiguration, table.name, parts)

    return memo.of(("table", table.name), (made, table.block_all), joined)


def _known(mentioned: Mapping[str, tuple[str, ...]], outlook: Outlook) -> dict[str, tuple[object, ...]]:
    return {name: tuple(map(outlook.get, destinations)) for name, destinations in mentioned.items()}


def _made(host: VirtualHost, scope: Scope, *, tunnelled: bool) -> Made:
    built = RouteConfiguration(virtual_hosts=[virtual_host(host, scope, tunnelled=tunnelled)])
    copies = (each.target for rule in host.rules for each in mirror.copies(rule, scope.mesh))
    existing = tuple(dict.fromkeys(target for target in copies if target.cluster in scope.known))
    return Made(Part.of(built), existing)


def _mentioned(_: str, host: VirtualHost) -> tuple[str, ...]:
    """The hosts of all destinations, also of copies."""
    found = [named for rule in host.rules for named in _of_rule(rule)]
    return tuple(dict.fromkeys([*found, *(_of_tcp(host.tcp) if host.tcp else ())]))


def _of_rule(rule: Rule) -> Iterable[str]:
    if rule.default:
        yield rule.default.host
    if rule.http and rule.virtual_service:
        own = rule.virtual_service.metadata.namespace
        given = (*(choice.destination for choice in rule.http.route), *(to for to, _ in mirror.mirrored(rule.http)))
        yield from (fqdn(destination.host, own) for destination in given if destination)


def _of_tcp(rule: TcpRule) -> Iterable[str]:
    if rule.default:
        yield rule.default.host
    own = rule.virtual_service.metadata.namespace if rule.virtual_service else ""
    yield from (fqdn(choice.destination.host, own) for choice in rule.route if choice.destination)
