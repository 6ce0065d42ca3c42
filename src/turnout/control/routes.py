"""Every route of every VirtualService and of Gateway API in plain words, with its line, as JSON carries it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from turnout.compiler import match_words, route_words
from turnout.compiler.route import label
from turnout.control.file_place import Written
from turnout.control.gateway_api_routes import gateway_api_route
from turnout.control.route_fields import fields
from turnout.control.world import World, proxies
from turnout.mesh import names
from turnout.mesh.mesh import Mesh
from turnout.mesh.reach import Merged, Reach, reach
from turnout.mesh.rule import Rule, RuleKey
from turnout.resources import gateway_api
from turnout.resources.document import Document
from turnout.resources.kinds import GRPC_ROUTE, HTTP_ROUTE, VIRTUAL_SERVICE
from turnout.resources.sticky import ANNOTATION
from turnout.resources.virtual_service import VirtualService

if TYPE_CHECKING:
    from turnout.control.instance import Instance
    from turnout.inputs.files import Manifests

JSON = dict[str, Any]
ObjectName = tuple[str, str, str]
"""Kind, namespace, name."""


def routes(instance: Instance) -> list[JSON]:
    """Of the running instance."""
    return of_world(instance.world, instance.listen, dict(_documents(instance.files.manifests)))


def of_world(world: World, listen: Mapping[int, int], documents: Mapping[ObjectName, Document]) -> list[JSON]:
    """In the order in which VirtualServices compete; of the routes of each, the first that matches answers.

    Then the HTTPRoutes and GRPCRoutes. `listen`: Gateway port → where it is. `documents`: where objects are written.
    """
    found = reach(world.mesh, proxies(world, listen, dict.fromkeys(world.callers, 0)))
    own = [
        _virtual_service(owner, found, Written.of(owner, documents.get(_name("VirtualService", owner))))
        for owner in world.mesh.virtual_services
    ]
    return [*own, *_of_gateway_api(world.mesh, documents)]


def _name(kind: str, owner: VirtualService) -> ObjectName:
    return kind, owner.metadata.namespace, owner.metadata.name


def _of_gateway_api(mesh: Mesh, documents: Mapping[ObjectName, Document]) -> Iterator[JSON]:
    """One that Gateways and Services take has two translations, which differ in nothing that is shown."""
    attached: dict[ObjectName, VirtualService] = {}
    hosts: dict[ObjectName, dict[str, None]] = {}
    for by_place in (mesh.gateway_api.at_gateway, mesh.gateway_api.at_host):
        for each in (each for found in by_place.values() for each in found):
            key = _name(each.kind, each.route)
            attached.setdefault(key, each.route)
            hosts.setdefault(key, {}).update(dict.fromkeys(each.hosts))
    for route in mesh.gateway_api.source.routes:
        key = type(route).__name__, route.metadata.namespace, route.metadata.name
        if key in attached and isinstance(route, (gateway_api.HTTPRoute, gateway_api.GRPCRoute)):
            yield gateway_api_route(route, attached[key], list(hosts[key]), documents.get(key))


def _documents(manifests: Manifests) -> Iterator[tuple[ObjectName, Document]]:
    for manifest in manifests.objects:
        if manifest.kind in (VIRTUAL_SERVICE, HTTP_ROUTE, GRPC_ROUTE):
            meta = manifest.obj["metadata"]
            yield (manifest.kind.kind, meta.get("namespace", ""), meta["name"]), manifest.document


def _virtual_service(owner: VirtualService, found: Reach, written_at: Written) -> JSON:
    meta, spec = owner.metadata, owner.spec
    return {
        "kind": "VirtualService",
        "namespace": meta.namespace,
        "name": meta.name,
        "hosts": list(spec.hosts),
        "gateways": list(spec.gateways or (names.MESH,)),
        "where": written_at.where(),
        "merged": [_merged(m) for m in found.merged if any(key[:2] == (meta.namespace, meta.name) for key in m.order)],
        "routes": [_route(owner, index, found, written_at) for index in range(len(spec.http))],
    }


def _merged(merged: Merged) -> JSON:
    """Several VirtualServices share a host at a gateway: all their routes, in the order in which they are tried."""
    return {"host": merged.host, "order": list(dict.fromkeys(_title(key) for key in merged.order))}


def _title(key: RuleKey) -> str:
    namespace, name, index, _ = key
    return f"{namespace}/{name} http[{index}]"


def _route(owner: VirtualService, index: int, found: Reach, written_at: Written) -> JSON:
    http, namespace = owner.spec.http[index], owner.metadata.namespace
    matches = list(_matches(owner, index, found, written_at))
    return {
        "name": http.name,
        "index": index,
        "label": label(Rule(0, "", http=http, virtual_service=owner, index=index)),
        "words": [match["words"] for match in matches],
        "then": route_words.words(http, namespace, owner.metadata.annotations.get(ANNOTATION, "")),
        "where": written_at.where(index),
        "matches": matches,
        "weights": [asdict(share) for share in route_words.weights(http, namespace)],
        "mirrors": [asdict(share) for share in route_words.mirrors(http, namespace)],
        **fields(http),
    }


def _matches(owner: VirtualService, index: int, found: Reach, written_at: Written) -> Iterator[JSON]:
    for match_index, match in enumerate(owner.spec.http[index].match or (None,)):
        yield {
            "words": match_words.words(match),
            "where": written_at.where(index, *(() if match is None else ("match", match_index))),
            "why_not": found.why_not(owner, index, match_index) or None,
        }
