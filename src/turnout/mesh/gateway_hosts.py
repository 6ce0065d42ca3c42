"""The virtual hosts of a gateway's port: all Gateways' servers on it, and the VirtualServices bound to them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from turnout.memo import Memo
from turnout.mesh import names
from turnout.mesh.delegation import Speaker
from turnout.mesh.gateway_servers import Serving
from turnout.mesh.mesh import Mesh
from turnout.mesh.proxy import GATEWAY_NAMESPACE, Ingress
from turnout.mesh.rule import Caller, Rule, RuleKey, gateway_api_rules, in_order, rules
from turnout.mesh.virtual_host import VirtualHost
from turnout.resources import protocol
from turnout.resources.gateway import Gateway, Server
from turnout.resources.virtual_service import VirtualService


@dataclass(frozen=True, slots=True)
class _Said:
    """What one VirtualService, or one route of Gateway API, says of hosts that one server serves."""

    hosts: tuple[str, ...]
    rules: tuple[Rule, ...]


def gateway_hosts(mesh: Mesh, proxy: Ingress, name: str, memo: Memo) -> Mapping[str, tuple[VirtualHost, ...]]:
    """Routes of several VirtualServices on one host are appended in order, then catch-alls moved last (stable).

    Those of Gateway API follow, in an order of their own. `name`: the route table's.
    """
    servers = list(_servers(mesh, proxy))
    parts = tuple(_said(mesh, proxy, *each, (name, at), memo) for at, each in enumerate(servers))
    said = parts[0] if len(parts) == 1 else memo.of(("said", name), parts, lambda: _numbered(parts))
    by_host = memo.grouped(("by host", name), said, memo.each(("hosts", name), (said,), lambda _, each: each.hosts))
    redirected = {} if proxy.server else {host: True for _, server in servers for host in _redirected(server)}

    def host(host: str, own: tuple[_Said, ...] | None, require_tls: bool | None) -> tuple[VirtualHost, ...]:
        tried = tuple(_tried(rule for each in own or () for rule in each.rules))
        return (VirtualHost(f"{host}:{proxy.port}", (host,), tried, bool(require_tls), proxy.https_port),)

    hosts = memo.united(("all hosts", name), dict.fromkeys(redirected), by_host) if redirected else by_host
    return memo.each(("gateway hosts", name), (hosts, redirected), host, (proxy.port, proxy.https_port))


def _numbered(parts: Iterable[Mapping[Hashable, _Said]]) -> dict[Hashable, _Said]:
    return {(at, key): said for at, part in enumerate(parts) for key, said in part.items()}


def _said(
    mesh: Mesh, proxy: Ingress, gateway: Gateway, server: Server, name: Hashable, memo: Memo
) -> Mapping[Hashable, _Said]:
    caller = Caller(reference(gateway), proxy.port, GATEWAY_NAMESPACE, gateway.spec.selector)

    def said(_: Hashable, speaker: Speaker) -> _Said:
        hosts = common_hosts(gateway, server, speaker.virtual_service)
        return _upon(hosts, rules(speaker, caller) if hosts else [])

    bound: dict[Hashable, Speaker] = {each.key: each for each in mesh.bound.get(caller.gateway, ())}
    own = memo.each(("said", name), (bound,), said, (gateway, server, caller))
    attached = dict(enumerate(mesh.gateway_api.at_gateway.get(caller.gateway, ())))
    if not attached:
        return own
    return {**own, **{at: _upon(each.hosts, gateway_api_rules(each, caller)) for at, each in attached.items()}}


def _upon(hosts: Iterable[str], found: Iterable[Rule]) -> _Said:
    """Who has no rules for a caller says nothing of hosts."""
    found = tuple(found)
    return _Said(tuple(dict.fromkeys(host.lower() for host in hosts)) if found else (), found)


def _tried(found: Iterable[Rule]) -> list[Rule]:
    """A rule that comes in through two Gateways counts once."""
    own: dict[tuple[RuleKey, ...], Rule] = {}
    gateway_api: dict[tuple[str, tuple[RuleKey, ...]], Rule] = {}
    for rule in found:
        if rule.gateway_api:
            gateway_api.setdefault((rule.gateway_api, rule.places), rule)
        else:
            own.setdefault(rule.places, rule)
    return sorted([*own.values(), *in_order(gateway_api.values())], key=lambda rule: rule.catch_all)


def _redirected(server: Server) -> Iterator[str]:
    """Hosts whose plain requests are sent to HTTPS."""
    if server.tls is not None and server.tls.https_redirect:
        yield from (entry.rpartition("/")[2].lower() for entry in server.hosts)


def _servers(mesh: Mesh, proxy: Ingress) -> Iterator[tuple[Gateway, Server]]:
    """Those of plain HTTP share the port's routes; one that ends TLS has its own."""
    on_port = mesh.servers.get(proxy.port, {})
    meant = [on_port[proxy.server]] if proxy.server else [b for b in on_port.values() if b.serving is Serving.HTTP]
    for bound in meant:
        yield bound.gateway, bound.server


def common_hosts(gateway: Gateway, server: Server, virtual_service: VirtualService) -> list[str]:
    """The hosts that a server and a VirtualService both name; of two that overlap, the more specific."""
    common: dict[str, None] = {}
    own = virtual_service.metadata.namespace
    for entry in server.hosts:
        scope, _, pattern = entry.rpartition("/")
        scope = gateway.metadata.namespace if scope == "." else scope
        if scope in ("", "*", own):
            meeting = (names.narrower(pattern, names.fqdn(host, own)) for host in virtual_service.spec.hosts)
            common.update(dict.fromkeys(host for host in meeting if host))
    return list(common)


def is_http(server: Server) -> bool:
    """Whether a Gateway server speaks plain HTTP."""
    return server.port is not None and protocol.is_http(server.port.protocol)


def reference(gateway: Gateway) -> str:
    """`namespace/name`."""
    return f"{gateway.metadata.namespace}/{gateway.metadata.name}"
