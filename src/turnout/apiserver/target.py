"""What a URL path below `/api/v1/` or `/apis/<group>/<version>/` names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from turnout.apiserver.defaults import with_defaults
from turnout.apiserver.status import path_not_found
from turnout.resources.kinds import DEPLOYMENT, Kind, by_plural

STATUS, SCALE = "status", "scale"
SCALABLE = (DEPLOYMENT,)


@dataclass(frozen=True, slots=True)
class Target:
    """A collection where `name` is ""; the object itself where `subresource` is."""

    kind: Kind
    api_version: str
    namespace: str
    name: str = ""
    subresource: str = ""

    @property
    def place(self) -> tuple[Kind, str, str]:
        """Kind, namespace and name."""
        return self.kind, self.namespace, self.name

    @property
    def status(self) -> bool:
        return self.subresource == STATUS

    def shown(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """The object in the API version that was asked for: all of them have the same fields."""
        return {**with_defaults(self.kind, obj), "apiVersion": self.api_version}


def target(group: str, version: str, rest: str) -> Target:
    """`rest` follows the version in the path. Raises StatusError 404."""
    parts = rest.split("/")
    namespace = ""
    # `namespaces/<name>` and `namespaces/<name>/status` are Namespaces themselves.
    if parts[0] == "namespaces" and len(parts) > 2 and parts[2:] != [STATUS]:
        namespace, parts = parts[1], parts[2:]
    kind = by_plural(group, version, parts[0])
    if kind is None or len(parts) > 3 or "" in parts:
        raise path_not_found()
    subresource = parts[2] if len(parts) == 3 else ""
    if subresource not in subresources(kind):
        raise path_not_found()
    # One object is found only where it lives; a collection may span all namespaces.
    if kind.namespaced != bool(namespace) and (len(parts) > 1 or namespace):
        raise path_not_found()
    api_version = f"{group}/{version}" if group else version
    return Target(kind, api_version, namespace, parts[1] if len(parts) > 1 else "", subresource)


def subresources(kind: Kind) -> tuple[str, ...]:
    """The object itself, named by an empty text, and its parts."""
    return ("", STATUS, SCALE) if kind in SCALABLE else ("", STATUS)
