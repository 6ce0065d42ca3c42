"""What becomes of a request that meets a rule: two rules with the same effect are the same to whoever calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from turnout.compiler import cluster, route_words
from turnout.compiler.route import Scope, route
from turnout.mesh.mesh import Mesh
from turnout.mesh.names import DOMAIN, parse_cluster
from turnout.mesh.rule import Rule, Target
from turnout.mesh.tcp import TcpRule
from turnout.resources.sticky import ANNOTATION

if TYPE_CHECKING:
    from envoy.config.route.v3.route_components_pb2 import Route, RouteAction

_NAMES = ("match", "name", "stat_prefix", "decorator", "metadata")
"""Of a compiled route: when it applies, and what it is called. The rest is what it does."""


@dataclass(frozen=True, slots=True)
class Effect:
    """`words` for people; `shares`: of a hundred requests, how many go where. `key` is equal where all else is.

    `hosts`: the services among the destinations, by full name.
    """

    words: str
    key: bytes = b""
    shares: Mapping[str, float] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()

    def moved(self, after: Effect) -> float:
        """Of a hundred requests, how many go elsewhere afterwards."""
        return sum(max(0.0, share - after.shares.get(where, 0.0)) for where, share in self.shares.items())


def answered(words: str) -> Effect:
    """The proxy itself answers."""
    return Effect(words, words.encode(), {words: 100.0})


def scope(mesh: Mesh, namespaces: set[str]) -> Scope:
    """What effects have to know of a mesh; `namespaces`: those of the proxies."""
    return Scope(mesh, frozenset(target.cluster for target in cluster.targets(mesh, namespaces)))


def of_rule(rule: Rule, known: Scope) -> Effect:
    """Told from Envoy's message, so that whatever is compiled is compared."""
    compiled = route(rule, known)
    replaced = _replaced(compiled)
    for name in _NAMES:
        compiled.ClearField(name)  # type: ignore[arg-type] # mypy wants literals
    words = _words(rule)
    if not compiled.HasField("route"):
        return Effect(words, replaced + compiled.SerializeToString(deterministic=True), {words: 100.0})
    shares = _shares(compiled.route)
    key = replaced + repr(sorted(shares.items())).encode() + compiled.SerializeToString(deterministic=True)
    missing = sorted(_place(name) for name in shares.keys() - known.known)
    lost = f"; {' and '.join(missing)} {'do' if missing[1:] else 'does'} not exist: 503" if missing else ""
    hosts = (found.host for name in shares if (found := parse_cluster(name)))
    return Effect(
        words + lost, key, {_place(name): share for name, share in shares.items()}, tuple(dict.fromkeys(hosts))
    )


def _replaced(compiled: Route) -> bytes:
    """What of the path is replaced is what has matched: there, the same words do something else under another match."""
    if not (compiled.route.prefix_rewrite or compiled.redirect.prefix_rewrite):
        return b""
    kind = compiled.match.WhichOneof("path_specifier")
    return f"{kind} {getattr(compiled.match, kind) if kind else ''}\n".encode()


def _shares(action: RouteAction) -> dict[str, float]:
    """Cluster to percent. Takes the weights out of the message: 1:3 is the same as 25:75, in whichever order."""
    choices = sorted(action.weighted_clusters.clusters, key=lambda choice: choice.name)
    total = sum(choice.weight.value for choice in choices)
    shares: dict[str, float] = {}
    for choice in choices:
        shares[choice.name] = shares.get(choice.name, 0.0) + 100 * choice.weight.value / total
        choice.ClearField("weight")
    if not choices:
        return {action.cluster: 100.0}
    if len(choices) == 1 and choices[0].ByteSize() == len(choices[0].name.encode()) + 2:  # nothing but its name
        action.cluster = choices[0].name
        return shares
    plain = [choice.SerializeToString(deterministic=True) for choice in choices]
    del action.weighted_clusters.clusters[:]
    for content in plain:
        action.weighted_clusters.clusters.add().ParseFromString(content)
    return shares


def of_connections(rule: TcpRule, known: Scope) -> Effect:
    """Bytes that are passed on unread."""
    choices = rule.choices(known.mesh)
    total = sum(weight for weight, _ in choices) or 1
    shares = {_target(target): 100 * weight / total for weight, target in choices}
    words = ", ".join(f"{share:g} % to {where}" for where, share in shares.items()) or "nowhere"
    return Effect(f"passed on unread: {words}", repr(sorted(shares.items())).encode(), shares)


def _words(rule: Rule) -> str:
    if rule.http is None or rule.virtual_service is None:
        return f"all to {_target(rule.default)}" if rule.default else "nowhere"
    meta = rule.virtual_service.metadata
    return route_words.words(rule.http, meta.namespace, meta.annotations.get(ANNOTATION, ""))


def _target(target: Target) -> str:
    return _place(target.cluster)


def _place(name: str) -> str:
    """`reviews.default v2`, from the name of a cluster."""
    found = parse_cluster(name)
    if found is None:
        return name
    return f"{short(found.host)} {found.subset}".rstrip()


def short(host: str) -> str:
    """`reviews.default`."""
    return host.removesuffix(f".svc.{DOMAIN}")


def short_host(name: str) -> str:
    """A virtual host's name, as `reviews.default:80`."""
    host, _, port = name.rpartition(":")
    return f"{short(host)}:{port}"
