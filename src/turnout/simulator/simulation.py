"""`answer(mesh, proxy, request)`: the route table is asked what Envoy would do.

The table is the one that is compiled, and each of its rules is asked as it is compiled: what a match or a rewrite means
is told from Envoy's messages. So whatever the compiler learns to say, a pretend request hears.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from envoy.config.route.v3.route_components_pb2 import Route

from turnout.compiler import cluster, mirror
from turnout.compiler.route import Scope, route
from turnout.mesh.client_tls import client_tls
from turnout.mesh.credential import Unusable
from turnout.mesh.mesh import Mesh
from turnout.mesh.names import BLOCK_ALL
from turnout.mesh.proxy import Proxy
from turnout.mesh.routing import RouteTable, VirtualHost, table
from turnout.mesh.rule import Rule, Target
from turnout.mesh.tcp import TcpRule
from turnout.simulator import destination, domain, reading, rewriting
from turnout.simulator.answer import Action, Answer, Passed
from turnout.simulator.matching import misses
from turnout.simulator.request import Request, arrived


def answer(mesh: Mesh, proxy: Proxy, request: Request) -> Answer:
    """What becomes of one request at one proxy."""
    return Simulation.of(mesh, proxy).answer(request)


@dataclass(frozen=True, slots=True)
class Simulation:
    """One proxy that can be asked. Made once, it answers any number of requests."""

    mesh: Mesh
    proxy: Proxy
    table: RouteTable
    known: frozenset[str]

    @classmethod
    def of(cls, mesh: Mesh, proxy: Proxy) -> Simulation:
        targets = cluster.targets(mesh, [mesh.sight(proxy.namespace, proxy.labels)])
        known = frozenset(target.cluster for target in targets if not _lacks_credentials(mesh, target))
        return cls(mesh, proxy, table(mesh, proxy, proxy.name), known)

    def answer(self, request: Request) -> Answer:
        headers = arrived(request)
        if headers is None:
            return Answer(self.proxy.name, Action.REFUSE, request.path, status=400, reason="Envoy takes no such path")
        nothing = Answer(self.proxy.name, Action.REFUSE, headers[":path"], headers, status=404)
        tls = request.scheme == "https" and self.table.block_all
        found = domain.covering(self.table, _with_port(request.authority) if tls else request.authority)
        if found is None:
            return self._unknown(nothing)
        host, name = found
        nothing = replace(nothing, virtual_host=host.name, domain=name)
        if host.tcp:
            return self._tunnelled(host.tcp, nothing)
        if tls:
            return replace(nothing, status=None, reason="the client speaks TLS, and the port plain HTTP")
        if host.require_tls and headers["x-forwarded-proto"] != "https":
            status, location = rewriting.to_https(headers, host.https_port)
            why = "its Gateway's server has httpsRedirect"
            return replace(nothing, action=Action.REDIRECT, status=status, location=location, reason=why)
        return self._ruled(host, nothing, headers)

    def _unknown(self, nothing: Answer) -> Answer:
        if self.table.block_all:
            return replace(nothing, status=502, virtual_host=BLOCK_ALL, reason="no service of this mesh has this name")
        return replace(nothing, reason="no VirtualService that is bound to a Gateway on this port has this host")

    def _ruled(self, host: VirtualHost, nothing: Answer, headers: Mapping[str, str]) -> Answer:
        passed: list[Passed] = []
        scope = Scope(self.mesh, self.known)
        for rule in host.rules:
            compiled = route(rule, scope)
            why = misses(compiled.match, headers)
            if not why:
                tried = replace(nothing, rule=reading.name(rule), passed=tuple(passed), status=None)
                return self._acted(rule, compiled, tried, headers)
            passed.append(Passed(reading.name(rule), tuple(why)))
        return replace(nothing, passed=tuple(passed), reason="no rule matches")

    def _tunnelled(self, rule: TcpRule, nothing: Answer) -> Answer:
        choices = rule.choices(self.mesh)
        total = sum(weight for weight, _ in choices)
        found = [
            destination.placed(self.mesh, target.cluster, self.known, 100 * weight / total)
            for weight, target in choices
        ]
        why = "the port speaks no HTTP: its connections are passed on unread"
        return replace(nothing, action=Action.TUNNEL, status=None, reason=why, destinations=tuple(found))

    def _acted(self, rule: Rule, compiled: Route, tried: Answer, headers: Mapping[str, str]) -> Answer:
        if reading.is_answered_preflight(compiled, headers):
            why = "the proxy answers CORS preflights itself"
            return replace(tried, action=Action.RESPOND, status=200, reason=why)
        operations = tuple(reading.response_headers(compiled))
        tried = replace(tried, fault=reading.fault(compiled), response_headers=operations)
        if compiled.HasField("redirect"):
            status, location = rewriting.redirected(compiled, headers)
            return replace(tried, action=Action.REDIRECT, status=status, location=location)
        if compiled.HasField("direct_response"):
            body = compiled.direct_response.body
            text = body.inline_string or body.inline_bytes.decode("utf-8", "replace")
            return replace(tried, action=Action.RESPOND, status=compiled.direct_response.status, body=text)
        return self._forwarded(rule, compiled, tried, headers)

    def _forwarded(self, rule: Rule, compiled: Route, tried: Answer, headers: Mapping[str, str]) -> Answer:
        action = compiled.route
        copied = [each.target for each in mirror.copies(rule, self.mesh)]
        return replace(
            tried,
            action=Action.FORWARD,
            destinations=tuple(destination.destinations(self.mesh, compiled, self.known, headers)),
            path_sent=rewriting.path_sent(compiled, tried.path),
            timeout_seconds=action.timeout.ToTimedelta().total_seconds() or None,
            retries=reading.retries(action.retry_policy) if action.HasField("retry_policy") else None,
            mirrors=tuple(destination.mirrors(self.mesh, copied, action, self.known)),
            split=reading.split(rule) if len(action.weighted_clusters.clusters) > 1 else "",
        )


def _with_port(authority: str) -> str:
    """What a client of TLS asks a forward proxy to be connected to."""
    return authority if domain.without_port(authority) != authority else f"{authority}:443"


def _lacks_credentials(mesh: Mesh, target: Target) -> bool:
    """Then it has no cluster: plain text is no choice."""
    tls = client_tls(mesh, target.host, target.view, target.port, target.subset)
    return isinstance(tls, Unusable) and not tls.unknown
