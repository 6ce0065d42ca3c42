"""The virtual hosts of a gateway's port: all Gateways' servers on it, and the VirtualServices bound to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from turnout.mesh import names
from turnout.mesh.gateway_servers import Serving
from turnout.mesh.mesh import Mesh
from turnout.mesh.proxy import GATEWAY_NAMESPACE, Ingress
from turnout.mesh.rule import Caller, Rule, RuleKey, gateway_api_rules, in_order, rules
from turnout.mesh.virtual_host import VirtualHost
from turnout.resources import protocol
from turnout.resources.gateway import Gateway, Server
from turnout.resources.virtual_service import VirtualService


@dataclass(slots=True)
class _Draft:
    """What is known so far of one host. A rule that comes in through two Gateways counts once."""

    rules: dict[tuple[RuleKey, ...], Rule] = field(default_factory=dict)
    gateway_api: dict[tuple[str, tuple[RuleKey, ...]], Rule] = field(default_factory=dict)
    require_tls: bool = False


def gateway_hosts(mesh: Mesh, proxy: Ingress) -> list[VirtualHost]:
    """Routes of several VirtualServices on one host are appended in order, then catch-alls moved last (stable).

    Those of Gateway API follow, in an order of their own.
    """
    drafts: dict[str, _Draft] = {}
    for gateway, server in _servers(mesh, proxy):
        caller = Caller(reference(gateway), proxy.port, GATEWAY_NAMESPACE, gateway.spec.selector)
        for virtual_service in mesh.bound.get(caller.gateway, ()):
            hosts = common_hosts(gateway, server, virtual_service)
            _add(drafts, hosts, rules(mesh, virtual_service, caller) if hosts else [])
        for attached in mesh.gateway_api.at_gateway.get(caller.gateway, ()):
            _add(drafts, attached.hosts, gateway_api_rules(attached, caller))
        if not proxy.server and server.tls is not None and server.tls.https_redirect:
            _redirect(drafts, server)
    return [
        VirtualHost(
            f"{host}:{proxy.port}",
            (host,),
            tuple(_tried(draft)),
            draft.require_tls,
            proxy.https_port,
        )
        for host, draft in sorted(drafts.items())
    ]


def _tried(draft: _Draft) -> list[Rule]:
    found = [*draft.rules.values(), *in_order(draft.gateway_api.values())]
    return sorted(found, key=lambda rule: rule.catch_all)


def _add(drafts: dict[str, _Draft], hosts: Iterable[str], found: list[Rule]) -> None:
    for host in hosts if found else ():
        draft = drafts.setdefault(host.lower(), _Draft())
        for rule in found:
            if rule.gateway_api:
                draft.gateway_api.setdefault((rule.gateway_api, rule.places), rule)
            else:
                draft.rules.setdefault(rule.places, rule)


def _redirect(drafts: dict[str, _Draft], server: Server) -> None:
    for entry in server.hosts:
        drafts.setdefault(entry.rpartition("/")[2].lower(), _Draft()).require_tls = True


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
