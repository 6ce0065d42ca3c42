"""OpenAPI v3, made from the types that objects are read into: what `kubectl explain` shows.

kubectl asks for it before it applies, too: that PATCH knows `fieldValidation` and `dryRun` tells it to leave checking
to the server.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from turnout import __version__
from turnout.apiserver.message import PATCH_TYPES
from turnout.apiserver.schema import Schemas, name_of
from turnout.apiserver.writing import CUSTOM
from turnout.resources.kinds import KINDS, Kind

METHODS = ("get", "put", "patch", "delete")
PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]
JSONObject = dict[str, Any]


def index() -> JSONObject:
    """The documents, one for each group and version."""
    places = dict.fromkeys(_place(kind, version) for kind in KINDS for version in kind.versions)
    return {"paths": {place: {"serverRelativeURL": f"/openapi/v3/{place}?hash={__version__}"} for place in places}}


@cache
def document(place: str) -> JSONObject | None:
    """`place`: `api/v1` or `apis/<group>/<version>`. None: no such. Not to be changed."""
    versions = [(kind, version) for kind in KINDS for version in kind.versions if _place(kind, version) == place]
    if not versions:
        return None
    schemas = Schemas()
    for kind, version in versions:
        schemas.add(kind, version)
    paths = {path: methods for kind, version in versions for path, methods in _paths(place, kind, version)}
    info = {"title": "Turnout", "version": __version__}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas.found}}


def _place(kind: Kind, version: str) -> str:
    return f"apis/{kind.group}/{version}" if kind.group else f"api/{version}"


def _paths(place: str, kind: Kind, version: str) -> Iterator[tuple[str, JSONObject]]:
    root = f"/{place}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"/{place}/{kind.plural}"
    if kind.namespaced:
        yield f"/{place}/{kind.plural}", {"get": _operation(kind, version, "list")}
    yield root, {"get": _operation(kind, version, "list"), "post": _operation(kind, version, "post")}
    yield f"{root}/{{name}}", {method: _operation(kind, version, method) for method in METHODS}


def _operation(kind: Kind, version: str, action: str) -> JSONObject:
    named = {"group": kind.group, "version": version, "kind": kind.kind}
    reference = {"schema": {"$ref": f"#/components/schemas/{name_of(kind, version)}"}}
    operation: JSONObject = {
        "parameters": PARAMETERS if action in ("post", "put", "patch", "delete") else [],
        "responses": {"200": {"description": "OK", "content": {"application/json": reference}}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": named,
    }
    if action in ("post", "put"):
        operation["requestBody"] = {"content": {"application/json": reference}}
    elif action == "patch":
        types = [name for name, patch in PATCH_TYPES.items() if patch != "strategic" or kind.group not in CUSTOM]
        operation["requestBody"] = {"content": {name: {"schema": {"type": "object"}} for name in types}}
    return operation
