"""Where fields are written: for a command that is to change them there, of what a chart or a kustomization made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from turnout.apiserver.view import ViewRequest
from turnout.control.manifests import Files
from turnout.error import ApiError
from turnout.resources.document import Spot

MOST_PATHS = 1000


async def written(files: Files, request: ViewRequest) -> Any:
    """For each of the `paths` of an object: file, document and path in it; null where no YAML file says it.

    Raises ApiError 400, and 404 for an object that came from no file.
    """
    asked = request.body if isinstance(request.body, Mapping) else {}
    kind, namespace, name = (str(asked.get(key, "")) for key in ("kind", "namespace", "name"))
    paths = asked.get("paths")
    if not isinstance(paths, list) or len(paths) > MOST_PATHS or not all(map(_is_path, paths)):
        raise ApiError(400, "BadRequest", "POST `kind`, `namespace` and `name` of an object, and `paths` in it")
    document = files.document(kind, namespace, name)
    if document is None:
        raise ApiError(404, "NotFound", f"{kind} {namespace}/{name} came from no file")
    return [_told(document.spot(tuple(path))) for path in paths]


def _is_path(value: Any) -> bool:
    return isinstance(value, list) and all(type(step) in (str, int) for step in value)


def _told(spot: Spot | None) -> dict[str, Any] | None:
    """The file as any process can open it."""
    if spot is None:
        return None
    return {"file": str(Path.cwd() / spot.file), "index": spot.index, "path": list(spot.path)}
