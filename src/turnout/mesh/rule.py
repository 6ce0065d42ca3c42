"""One rule of a route table: an `http` entry of a VirtualService under one of its matches, as a caller has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from turnout.mesh import names
from turnout.mesh.mesh import Mesh
from turnout.resources.virtual_service import Destination, HTTPMatchRequest, HTTPRoute, VirtualService


@dataclass(frozen=True, slots=True)
class Target:
    """A destination with host and port resolved; `cluster` may name one that does not exist (503 NC, as in Istio).

    `view`: the caller's namespace, where DestinationRules apply to its callers only.
    """

    host: str
    port: int
    subset: str = ""
    view: str = ""

    @property
    def key(self) -> str:
        """What the names of all clusters that lead there have in common."""
        return "|".join((str(self.port), self.subset, self.host, *([self.view] if self.view else [])))

    @property
    def cluster(self) -> str:
        return f"outbound|{self.key}"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as static matches can tell: through which gateway (or `mesh`), on which port, from where."""

    gateway: str
    port: int
    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """`http` None: no VirtualService, everything goes to `default`.

    `index` and `match_index` lead back to the field: `spec.http[index].match[match_index]`.
    """

    listener_port: int
    caller_namespace: str
    default: Target | None = None
    http: HTTPRoute | None = None
    match: HTTPMatchRequest | None = None
    virtual_service: VirtualService | None = None
    index: int = 0
    match_index: int = 0

    @property
    def name(self) -> str:
        """As Istio names routes: `http.name[.match.name]`; `default` without a VirtualService."""
        if self.http is None:
            return "default"
        return ".".join(part for part in (self.http.name, self.match.name if self.match else "") if part)

    @property
    def catch_all(self) -> bool:
        """Matches whatever arrives, so that nothing after it can be reached."""
        match = self.match
        if match is None:
            return True
        if match.headers or match.query_params or match.without_headers:
            return False
        if match.method or match.scheme or match.authority:
            return False
        uri = match.uri
        return (
            uri is None
            or uri.regex == ".*"
            or (uri.exact is None and uri.regex is None and uri.prefix in (None, "", "/"))
        )

    def target(self, mesh: Mesh, destination: Destination) -> Target:
        """A destination as the VirtualService's namespace, the incoming port and the caller resolve it."""
        namespace = self.virtual_service.metadata.namespace if self.virtual_service else ""
        host = names.fqdn(destination.host, namespace)
        explicit = destination.port.number if destination.port else 0
        port = mesh.destination_port(host, explicit, self.listener_port)
        return Target(host, port, destination.subset, mesh.view(host, self.caller_namespace))


def default_rule(mesh: Mesh, host: str, port: int, caller: Caller) -> Rule:
    """A service that no VirtualService speaks for: everything goes there."""
    return Rule(port, caller.namespace, default=Target(host, port, view=mesh.view(host, caller.namespace)))


def rules(virtual_service: VirtualService, caller: Caller) -> list[Rule]:
    """The rules that can apply to this caller, up to and with the first that catches everything.

    A rule that delegates leads nowhere: it is left out, and reported.
    """
    found: list[Rule] = []
    for index, http in enumerate(virtual_service.spec.http):
        for match_index, match in enumerate(http.match or (None,)):
            if match is not None and not _applies(match, virtual_service, caller):
                continue
            rule = Rule(caller.port, caller.namespace, None, http, match, virtual_service, index, match_index)
            if http.delegate is None:
                found.append(rule)
                if rule.catch_all:
                    return found
    return found


def _applies(match: HTTPMatchRequest, virtual_service: VirtualService, caller: Caller) -> bool:
    """What is decided before traffic flows. As in Istio, `gateways` set means labels and namespace are ignored."""
    if match.port and match.port != caller.port:
        return False
    if match.gateways:
        own = virtual_service.metadata.namespace
        return any(names.gateway_reference(gateway, own) == caller.gateway for gateway in match.gateways)
    labels_fit = match.source_labels.items() <= caller.labels.items()
    return labels_fit and match.source_namespace in ("", caller.namespace)


def depends_on_labels(virtual_service: VirtualService) -> bool:
    """Whether workloads of one namespace may find different rules."""
    return any(match.source_labels and not match.gateways for http in virtual_service.spec.http for match in http.match)
