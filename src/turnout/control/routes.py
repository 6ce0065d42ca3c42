"""Every route of every VirtualService in plain words, with its line in the files, as JSON carries it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from turnout.compiler import match_words, route_words
from turnout.compiler.route import label
from turnout.control.world import proxies
from turnout.mesh import names
from turnout.mesh.reach import Merged, Reach, RuleKey, reach
from turnout.mesh.rule import Rule
from turnout.problem import ObjectPath, Place
from turnout.resources.duration import written
from turnout.resources.virtual_service import HTTPRoute, VirtualService

if TYPE_CHECKING:
    from turnout.control.instance import Instance
    from turnout.control.manifests import Files

JSON = dict[str, Any]


def routes(instance: Instance) -> list[JSON]:
    """In the order in which VirtualServices compete; of the routes of each, the first that matches answers."""
    world = instance.world
    found = reach(world.mesh, proxies(world, instance.listen, dict.fromkeys(world.callers, 0)))
    return [_virtual_service(owner, found, instance.files) for owner in world.mesh.virtual_services]


def _virtual_service(owner: VirtualService, found: Reach, files: Files) -> JSON:
    meta, spec = owner.metadata, owner.spec
    written_at = routes_in_file(owner, files)
    return {
        "namespace": meta.namespace,
        "name": meta.name,
        "hosts": list(spec.hosts),
        "gateways": list(spec.gateways or (names.MESH,)),
        "where": _where(owner, files, "spec"),
        "merged": [_merged(m) for m in found.merged if any(key[:2] == (meta.namespace, meta.name) for key in m.order)],
        "routes": [_route(owner, index, found, files, written_at[index]) for index in range(len(spec.http))],
    }


def _merged(merged: Merged) -> JSON:
    """Several VirtualServices share a host at a gateway: all their routes, in the order in which they are tried."""
    return {"host": merged.host, "order": list(dict.fromkeys(_title(key) for key in merged.order))}


def _title(key: RuleKey) -> str:
    namespace, name, index, _ = key
    return f"{namespace}/{name} http[{index}]"


def _route(owner: VirtualService, index: int, found: Reach, files: Files, at: int | None) -> JSON:
    http, namespace = owner.spec.http[index], owner.metadata.namespace
    matches = list(_matches(owner, index, found, files, at))
    return {
        "name": http.name,
        "index": index,
        "label": label(Rule(0, "", http=http, virtual_service=owner, index=index)),
        "words": [match["words"] for match in matches],
        "then": route_words.words(http, namespace),
        "where": _where(owner, files, None if at is None else f"spec.http[{at}]"),
        "matches": matches,
        "weights": [asdict(share) for share in route_words.weights(http, namespace)],
        "mirrors": [asdict(share) for share in route_words.mirrors(http, namespace)],
        **_fields(http),
    }


def _matches(owner: VirtualService, index: int, found: Reach, files: Files, at: int | None) -> Iterator[JSON]:
    for match_index, match in enumerate(owner.spec.http[index].match or (None,)):
        step = "" if match is None else f".match[{match_index}]"
        yield {
            "words": match_words.words(match),
            "where": _where(owner, files, None if at is None else f"spec.http[{at}]{step}"),
            "why_not": found.why_not(owner, index, match_index) or None,
        }


def _fields(http: HTTPRoute) -> JSON:
    """Field by field, in words; None where the route does not have it."""
    forwards = not (http.redirect or http.direct_response or http.delegate)
    return {
        "timeout": written(http.timeout) if http.timeout else None,
        "retries": route_words.retry_words(http.retries) if forwards else None,
        "fault": route_words.fault(http.fault) if http.fault else None,
        "rewrite": route_words.rewrite(http.rewrite) if http.rewrite else None,
        "redirect": route_words.redirect(http.redirect) if http.redirect else None,
        "direct_response": route_words.direct_response(http.direct_response) if http.direct_response else None,
        "headers": route_words.headers(http.headers),
        "cors": route_words.cors(http.cors_policy) if http.cors_policy else None,
    }


# --- places


def _where(owner: VirtualService, files: Files, path: str | None) -> str:
    """`file:line`; `namespace/name` of what is in no file. `path` None: it was added since."""
    meta = owner.metadata
    place = files.place(ObjectPath("VirtualService", meta.namespace, meta.name, path)) if path else None
    return f"{place.file}:{place.line}" if isinstance(place, Place) else f"{meta.namespace}/{meta.name}"


def routes_in_file(owner: VirtualService, files: Files) -> list[int | None]:
    """Of each live route, its index in the file. `turnout mirror --methods` puts rules of its own before others."""
    document = files.document("VirtualService", owner.metadata.namespace, owner.metadata.name)
    spec = document.data.get("spec") if document else None
    given = (spec.get("http") if isinstance(spec, dict) else None) or []
    written_names = [str(route.get("name") or "") if isinstance(route, dict) else "" for route in given]
    return aligned([http.name for http in owner.spec.http], written_names)


def aligned(live: Sequence[str], file: Sequence[str]) -> list[int | None]:
    """For each name of `live` its position in `file`: names by themselves, those without one in turn."""
    positions: dict[str, list[int]] = {}
    for at, name in enumerate(file):
        positions.setdefault(name, []).append(at)
    taken: dict[str, int] = {}
    found: list[int | None] = []
    for name in live:
        same, turn = positions.get(name, []), taken.get(name, 0)
        found.append(same[turn] if turn < len(same) else None)
        taken[name] = turn + 1
    return found
