"""One rule of a route table: an `http` entry of a VirtualService under one of its matches, as a caller has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from turnout.mesh import names
from turnout.mesh.delegation import Entry, Root, Speaker
from turnout.mesh.gateway_api import Attached
from turnout.mesh.mesh import Mesh
from turnout.mesh.route_match import precedence
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
    seen_from: str = ""

    @property
    def sight(self) -> str:
        """What `Mesh.view` wants to know of it."""
        return self.seen_from or self.namespace


RuleKey = tuple[str, str, int, int]
"""Namespace and name of a VirtualService, index of the route, index of the match."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`http` None: no VirtualService, everything goes to `default`.

    `index` and `match_index` lead back to the field: `spec.http[index].match[match_index]`. Where the route came by
    delegation, `virtual_service` is the delegate that it is written in, `root` the route that delegated, and
    `root_match_index` leads to that one's match; `http` and `match` are what both say together.

    `gateway_api`: HTTPRoute or GRPCRoute, where it comes from one (then `virtual_service` is a translation of it, and
    the indices lead to `spec.rules[index].matches[match_index]`). Such a rule differs in three ways: a prefix matches
    whole segments of the path, so that `/pre` takes `/pre/x` and not `/prefix`; a destination that does not exist gets
    500, not 503; a redirect that leaves nothing of the prefix leaves no second `/` either (`gateway_route.shortened`).
    """

    listener_port: int
    caller_sight: str
    default: Target | None = None
    http: HTTPRoute | None = None
    match: HTTPMatchRequest | None = None
    virtual_service: VirtualService | None = None
    index: int = 0
    match_index: int = 0
    root: Root | None = None
    root_match_index: int = 0
    gateway_api: str = ""

    @property
    def name(self) -> str:
        """As Istio names routes: `http.name[.match.name]`; `default` without a VirtualService."""
        if self.http is None:
            return "default"
        return ".".join(part for part in (self.http.name, self.match.name if self.match else "") if part)

    @property
    def places(self) -> tuple[RuleKey, ...]:
        """Where it is written: one place, or with a delegate two; none without a VirtualService."""
        found: list[RuleKey] = []
        if self.virtual_service:
            meta = self.virtual_service.metadata
            found.append((meta.namespace, meta.name, self.index, self.match_index))
        if self.root:
            meta = self.root.virtual_service.metadata
            found.append((meta.namespace, meta.name, self.root.index, self.root_match_index))
        return tuple(found)

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
        return Target(host, port, destination.subset, mesh.view(host, self.caller_sight))


def default_rule(host: str, port: int, caller: Caller, view: str) -> Rule:
    """A service that no VirtualService speaks for: everything goes there."""
    return Rule(port, caller.sight, default=Target(host, port, view=view))


def rules(speaker: Speaker, caller: Caller) -> list[Rule]:
    """The rules of a VirtualService that can apply to this caller, up to and with the first that catches everything.

    A route that delegates stands for those of its delegate; without one it leads nowhere, and is left out.
    """
    found: list[Rule] = []
    for entry in speaker.entries:
        for at, match in enumerate(entry.http.match or (None,)):
            if match is None or _applies(match, entry.owner, caller):
                found.append(_rule(entry, at, match, caller))
                if found[-1].catch_all:
                    return found
    return found


def gateway_api_rules(attached: Attached, caller: Caller) -> list[Rule]:
    """Those of an HTTPRoute or a GRPCRoute, in the order in which they are written: nothing else is decided yet."""
    if attached.port not in (0, caller.port):
        return []
    route = attached.route
    return [
        Rule(
            caller.port,
            caller.sight,
            http=http,
            match=match,
            virtual_service=route,
            index=index,
            match_index=match_index,
            gateway_api=attached.kind,
        )
        for index, http in enumerate(route.spec.http)
        for match_index, match in enumerate(http.match or (None,))
    ]


def in_order(found: Iterable[Rule]) -> list[Rule]:
    """Rules of Gateway API's routes as they are tried, whichever route they come from.

    What takes everything comes last, after expressions too: Gateway API leaves it open, and they would never be used.
    """
    return sorted(found, key=lambda rule: (rule.catch_all, precedence(rule.match), _age(rule)))


def _age(rule: Rule) -> tuple[str, str, str, int, int]:
    """The older route counts, then the first by namespace and name, then the first in it."""
    assert rule.virtual_service is not None, "it is translated from a route"
    meta = rule.virtual_service.metadata
    return meta.creation_timestamp, meta.namespace, meta.name, rule.index, rule.match_index


def _rule(entry: Entry, at: int, match: HTTPMatchRequest | None, caller: Caller) -> Rule:
    own, at_root = entry.matches[at] if entry.matches else (0, 0)
    return Rule(
        caller.port,
        caller.sight,
        http=entry.http,
        match=match,
        virtual_service=entry.owner,
        index=entry.index,
        match_index=own,
        root=entry.root,
        root_match_index=at_root,
    )


def _applies(match: HTTPMatchRequest, virtual_service: VirtualService, caller: Caller) -> bool:
    """What is decided before traffic flows. As in Istio, `gateways` set means labels and namespace are ignored."""
    if match.port and match.port != caller.port:
        return False
    if match.gateways:
        own = virtual_service.metadata.namespace
        return any(names.gateway_reference(gateway, own) == caller.gateway for gateway in match.gateways)
    labels_fit = match.source_labels.items() <= caller.labels.items()
    return labels_fit and match.source_namespace in ("", caller.namespace)


def depends_on_labels(speaker: Speaker) -> bool:
    """Whether workloads of one namespace may find different rules."""
    matches = (match for entry in speaker.entries for match in entry.http.match)
    return any(match.source_labels and not match.gateways for match in matches)
