"""The rules of an HTTPRoute or a GRPCRoute in plain words, as the routes of VirtualServices are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from turnout.compiler import match_words, route_words
from turnout.compiler.route import label
from turnout.compiler.route_words import Share
from turnout.control.file_place import Written, aligned
from turnout.control.route_fields import fields
from turnout.mesh.gateway_route import destination, kind_of
from turnout.mesh.rule import Rule
from turnout.resources.document import Document
from turnout.resources.gateway_api import GRPCBackendRef, GRPCRoute, HTTPBackendRef, HTTPRoute
from turnout.resources.sticky import ANNOTATION
from turnout.resources.virtual_service import VirtualService

JSON = dict[str, Any]


def gateway_api_route(
    route: HTTPRoute | GRPCRoute, translated: VirtualService, hosts: Sequence[str], document: Document | None
) -> JSON:
    """`translated`: what the route has become. `hosts`: those that it is for, at all its parents."""
    meta = route.metadata
    place = _written(route, document)
    parents = [parent.name if parent.kind == "Gateway" else "mesh" for parent in route.spec.parent_refs]
    return {
        "kind": kind_of(route),
        "namespace": meta.namespace,
        "name": meta.name,
        "hosts": list(hosts),
        "gateways": list(dict.fromkeys(parents)),
        "where": place.where(),
        "merged": [],
        "routes": [_rule(route, translated, index, place) for index in range(len(translated.spec.http))],
    }


def _written(route: HTTPRoute | GRPCRoute, document: Document | None) -> Written:
    in_file = (document.data["spec"].get("rules") or ()) if document else ()
    names = [str((rule or {}).get("name") or "") for rule in in_file]
    live = [rule.name for rule in route.spec.rules]
    return Written(f"{route.metadata.namespace}/{route.metadata.name}", document, aligned(live, names), "rules")


def _rule(route: HTTPRoute | GRPCRoute, translated: VirtualService, index: int, place: Written) -> JSON:
    http, rule, namespace = translated.spec.http[index], route.spec.rules[index], route.metadata.namespace
    matches = list(_matches(translated, index, place))
    return {
        "name": rule.name,
        "index": index,
        "label": label(Rule(0, "", http=http, virtual_service=translated, index=index)),
        "words": [match["words"] for match in matches],
        "then": route_words.words(http, namespace, route.metadata.annotations.get(ANNOTATION, "")),
        "where": place.where(index),
        "matches": matches,
        "weights": [asdict(share) for share in _shares(rule.backend_refs, namespace)],
        "mirrors": [asdict(share) for share in route_words.mirrors(http, namespace)],
        **fields(http),
    }


def _matches(translated: VirtualService, index: int, place: Written) -> Iterator[JSON]:
    for at, match in enumerate(translated.spec.http[index].match or (None,)):
        where = place.where(index, *(() if match is None else ("matches", at)))
        yield {"words": match_words.words(match), "where": where, "why_not": None}


def _shares(backends: Sequence[HTTPBackendRef | GRPCBackendRef], namespace: str) -> Iterator[Share]:
    """Those that get nothing as well: they may get something."""
    total = sum(each.weight for each in backends)
    for each in backends:
        host = destination(each, namespace, lambda _: True).host
        alone = len(backends) == 1 and each.weight
        percent = 100.0 if alone else 100 * each.weight / total if total else 0.0
        yield Share(host, "", each.port or 0, round(percent, 3))
