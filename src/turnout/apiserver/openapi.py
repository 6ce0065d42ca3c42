"""The part of OpenAPI that kubectl asks for before it applies: objects are validated here, by `fieldValidation`.

Without it kubectl wants to validate by itself, finds no schemas, and refuses to go on.
"""

from __future__ import annotations

from typing import Any

from turnout import __version__
from turnout.resources.kinds import KINDS, Kind

FIELD_VALIDATION = {"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}


def index() -> dict[str, Any]:
    """The documents, one for each group and version."""
    places = dict.fromkeys(_place(kind, version) for kind in KINDS for version in kind.versions)
    return {"paths": {place: {"serverRelativeURL": f"/openapi/v3/{place}?hash={__version__}"} for place in places}}


def document(place: str) -> dict[str, Any] | None:
    """`place`: `api/v1` or `apis/<group>/<version>`. None: no such."""
    versions = [(kind, version) for kind in KINDS for version in kind.versions if _place(kind, version) == place]
    if not versions:
        return None
    paths = {f"/{place}{_rest(kind)}": {"patch": _patch(kind, version)} for kind, version in versions}
    return {"openapi": "3.0.0", "info": {"title": "Turnout", "version": __version__}, "paths": paths}


def _place(kind: Kind, version: str) -> str:
    return f"apis/{kind.group}/{version}" if kind.group else f"api/{version}"


def _rest(kind: Kind) -> str:
    return f"/namespaces/{{namespace}}/{kind.plural}/{{name}}" if kind.namespaced else f"/{kind.plural}/{{name}}"


def _patch(kind: Kind, version: str) -> dict[str, Any]:
    named = {"group": kind.group, "version": version, "kind": kind.kind}
    return {"parameters": [FIELD_VALIDATION], "responses": {}, "x-kubernetes-group-version-kind": named}
