"""Every route of every VirtualService in plain words, with its line in the files, as JSON carries it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from turnout.compiler import match_words, route_words
from turnout.compiler.route import label
from turnout.control.world import World, proxies
from turnout.mesh import names
from turnout.mesh.reach import Merged, Reach, reach
from turnout.mesh.rule import Rule, RuleKey
from turnout.resources.document import Document
from turnout.resources.duration import written
from turnout.resources.kinds import VIRTUAL_SERVICE
from turnout.resources.sticky import ANNOTATION
from turnout.resources.virtual_service import HTTPRoute, VirtualService

if TYPE_CHECKING:
    from turnout.control.instance import Instance
    from turnout.inputs.files import Manifests

JSON = dict[str, Any]


def routes(instance: Instance) -> list[JSON]:
    """Of the running instance."""
    return of_world(instance.world, instance.listen, dict(_documents(instance.files.manifests)))


def of_world(world: World, listen: Mapping[int, int], documents: Mapping[tuple[str, str], Document]) -> list[JSON]:
    """In the order in which VirtualServices compete; of the routes of each, the first that matches answers.

    `listen`: Gateway port → where it is. `documents`: namespace and name of a VirtualService → where it is written.
    """
    found = reach(world.mesh, proxies(world, listen, dict.fromkeys(world.callers, 0)))
    return [
        _virtual_service(
            owner, found, Written.of(owner, documents.get((owner.metadata.namespace, owner.metadata.name)))
        )
        for owner in world.mesh.virtual_services
    ]


def _documents(manifests: Manifests) -> Iterator[tuple[tuple[str, str], Document]]:
    for manifest in manifests.objects:
        if manifest.kind is VIRTUAL_SERVICE:
            meta = manifest.obj["metadata"]
            yield (meta.get("namespace", ""), meta["name"]), manifest.document


def _virtual_service(owner: VirtualService, found: Reach, written_at: Written) -> JSON:
    meta, spec = owner.metadata, owner.spec
    return {
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
        **_fields(http),
    }


def _matches(owner: VirtualService, index: int, found: Reach, written_at: Written) -> Iterator[JSON]:
    for match_index, match in enumerate(owner.spec.http[index].match or (None,)):
        yield {
            "words": match_words.words(match),
            "where": written_at.where(index, *(() if match is None else ("match", match_index))),
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


@dataclass(frozen=True, slots=True)
class Written:
    """Where a VirtualService is written. `routes`: of each live one its index in the file; None: it was added since."""

    title: str
    document: Document | None
    routes: Sequence[int | None]

    @classmethod
    def of(cls, owner: VirtualService, document: Document | None) -> Written:
        meta = owner.metadata
        in_file = (document.data["spec"].get("http") or ()) if document else ()
        file_names = [str((route or {}).get("name") or "") for route in in_file]
        return cls(
            f"{meta.namespace}/{meta.name}", document, aligned([http.name for http in owner.spec.http], file_names)
        )

    def where(self, route: int | None = None, *path: str | int) -> str:
        """`file:line`; `namespace/name` of what is in no file."""
        at = None if route is None else self.routes[route]
        if self.document is None or (route is not None and at is None):
            return self.title
        place = self.document.place(("spec",) if at is None else ("spec", "http", at, *path))
        return f"{place.file}:{place.line}"


def aligned(live: Sequence[str], file: Sequence[str]) -> list[int | None]:
    """For each name of `live` its position in `file`; those that occur again, or have none, in turn.

    `turnout mirror --methods` puts rules of its own before others.
    """
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
